# The sessions in the database: many that nobody uses, and those that are in use. Tokens are no
# secret here: the n-th is the SHA-256 of "used n", so that SQL and we make the same.
#
#   fill($postgres, $rows)            the tables anew, with so many sessions that nobody uses
#   use_sessions($postgres, $n)       makes those that are in use up to $n, and returns their
#                                     cookies; $n only grows
#                                     until the next fill()
package Bench::Sessions;

use strict;
use warnings;

use Digest::SHA 'sha256';
use MIME::Base64 'encode_base64url';
use List::Util 'min';

my $BATCH = 250_000;
my $PART = 5_000;
my $BROWSER = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0';

# As they are found in a working day: begun in the last eight hours, of 100,000 users; one in five
# has logged out.
my $OTHERS = <<'SQL';
with made as (
    select n, statement_timestamp() - random() * interval '8 hours' as began
    from generate_series(:first, :last) n
)
insert into secsession.session (
    token_hash, realm, user_name, auth_method, client_addr, user_agent,
    created_at, authenticated_at, last_seen_at, idle_timeout, absolute_timeout, expires_at,
    ended_at, end_reason
)
select
    sha256(('other ' || n)::bytea), 'localhost', 'other ' || n % 100000, 'form',
    inet '10.0.0.0' + n % 1000000, :'browser',
    began, began, least(began + random() * interval '1 hour', statement_timestamp()),
    1800, 28800, began + interval '8 hours',
    case when n % 5 = 0 then statement_timestamp() end, case when n % 5 = 0 then 'logout' end
from made;
SQL

# Through the function that a login calls, so that nothing about them differs from a real one.
my $USED = <<'SQL';
select count(*)
from generate_series(:first, :last) n,
lateral secsession.authenticate(
    row(sha256(sha256(('used ' || n)::bytea)), null, 'localhost', 'user ' || n, 'form',
    secsession.login_moment(), '127.0.0.1', :'browser', 1800, 28800)::secsession.login) answer
where answer.state = 'live';
SQL

sub settle {
    my ($postgres) = @_;
    return $postgres->psql("vacuum analyze;\ncheckpoint;", timeout => 3600);
}

sub fill {
    my ($postgres, $rows) = @_;
    $postgres->psql(
        'truncate secsession.session, secsession.other_token, secsession.vault, secsession.event_log');
    for (my $first = 1; $first <= $rows; $first += $BATCH) {
        my $last = min($first + $BATCH - 1, $rows);
        $postgres->psql($OTHERS, timeout => 3600,
            vars => { first => $first, last => $last, browser => $BROWSER });
        print STDERR "sessions that nobody uses: $last of $rows\n" if $rows > $BATCH;
    }
    return settle($postgres);
}

sub cookie { return encode_base64url(sha256("used $_[0]")) }

sub use_sessions {
    my ($postgres, $n) = @_;
    my $there =
        $postgres->value("select count(*) from secsession.session where user_name like 'user %'");
    # In parts: in one statement PostgreSQL would keep the plans that it made for empty tables.
    for (my $first = $there + 1; $first <= $n; $first += $PART) {
        my $last = min($first + $PART - 1, $n);
        my %vars = (first => $first, last => $last, browser => $BROWSER);
        my $made =
            $postgres->value("analyze secsession.session; $USED", timeout => 600,
            vars => \%vars);
        die "made $made sessions from $first to $last\n" if $made != $last - $first + 1;
    }
    settle($postgres);
    return [ map { cookie($_) } 1 .. $n ];
}

1;
