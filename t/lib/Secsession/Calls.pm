# Sessions without httpd: the calls that the module makes, and a look behind them as the superuser.
#
#   calls_of($postgres);                        # which database is meant from now on
#   login('token', 'alice', old => 'token', moment => $moment, idle => s, absolute => s)
#                                               authenticate() in realm r
#   moment()                                    login_moment(), for a login that began then: what is
#                                               revoked from now on it could not see
#   look('token', $realm, $idle_cap, $absolute_cap)    lookup(); both give columns by name, nulls
#                                                      left out
#   call("logout(sha256('x'), 'r')", %opt)      any function, as the web server
#   authenticate(...)                           the text of such a call
#   state_of('token'), is_ended('token', $reason, $name), events('token')
#   sql($text, %opt), stored('token', $columns), set_session('token', $set)   as the superuser
package Secsession::Calls;

use strict;
use warnings;

use Exporter 'import';
use Test::More;

our @EXPORT =
    qw(calls_of sql call look moment authenticate login set_session stored events state_of
    is_ended);

my $postgres;

sub calls_of { return $postgres = shift }

sub sql { return $postgres->psql(@_) }

# One call as the web server, by column names; a null is not there.
sub call {
    my ($call, %opt) = @_;
    my $json =
        $postgres->value("select row_to_json(a) from secsession.$call a", user => 'httpd_web',
        %opt);
    return { defined $json ? $json =~ /"(\w+)":(?|"([^"]*)"|(?!null)([^",}]+))/g : () };
}

sub look {
    my ($token, $realm, @caps) = @_;
    my ($idle, $absolute) = (@caps, 0, 0);
    $realm //= 'r';
    return call("lookup(sha256('$token'), '$realm', $idle, $absolute, '192.0.2.99')");
}

sub moment { return sql('select secsession.login_moment()', user => 'httpd_web') }

sub authenticate {
    my ($token, $user, %opt) = @_;
    my $old = $opt{old} ? "sha256('$opt{old}')" : 'null';
    my $moment = $opt{moment} ? "'$opt{moment}'" : 'null';
    my ($idle, $absolute) = map { $opt{$_} // 1000 } qw(idle absolute);
    return
        "authenticate(row(sha256('$token'), $old, 'r', '$user', 'form', $moment, '192.0.2.1', "
            . "'Browser', $idle, $absolute)::secsession.login)";
}
sub login { return call(authenticate(@_)) }

sub set_session {
    my ($token, $set) = @_;
    return sql("update secsession.session s set $set from secsession.token t
        where t.token_hash = sha256('$token') and s.session_id = t.session_id");
}
sub stored {
    my ($token, $columns) = @_;
    return sql(
        "select $columns from secsession.session s join secsession.token t using (session_id) "
            . "where t.token_hash = sha256('$token')"
    );
}
# Its session then has no current one.
sub retire_by_hand {
    my ($token) = @_;
    return sql(
        "insert into secsession.other_token (session_id, token_hash, retired_at, grace_until)
            select session_id, token_hash, now(), now() from secsession.session
            where token_hash = sha256('$token');
        update secsession.session set token_hash = null where token_hash = sha256('$token')"
    );
}
sub events {
    my ($token) = @_;
    return join ' ', split /\n/, sql(
        "select event from secsession.event join secsession.token using (session_id)
        where token.token_hash = sha256('$token') order by event_id"
    );
}
sub state_of {
    my $answer = look(@_);
    return join '/', map { $_ // () } @$answer{qw(state end_reason)};
}

sub is_ended {
    my ($token, $reason, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is state_of($token), "ended/$reason", $name;
}

1;
