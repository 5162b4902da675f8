# What tests of the cache ask: whether a session is in it, and who feeds it.
#
#   watch_cache($postgres)      first: the database that is asked
#   sql($sql)                   as the superuser
#   lookups()                   how many look-ups it has had from web servers
#   is_in($client)              whether a request with this client's cookie is served
#   is_cached($client)          whether its session gets into the cache
#   goes($client, $name)        passes once it is not served any more
#   feeds()                     the server processes that feed a cache
#   has_one_feed()              whether there is exactly one, or will be
package Secsession::Cached;

use strict;
use warnings;

use Exporter 'import';
use Secsession::Process 'await';
use Secsession::Test ();
use Test::More;

our @EXPORT = qw(watch_cache sql lookups is_in is_cached goes feeds has_one_feed);

my $postgres;

sub watch_cache { ($postgres) = @_; return }
sub sql { return $postgres->psql(@_) }
sub lookups { return $postgres->statements('httpd_web', qr/secsession\.lookup/) }
sub is_in { return $_[0]->clone->get('/static/page.html')->status == 200 }
sub feeds {
    return split /\n/,
        sql("select pid from pg_stat_activity where application_name = 'mod_secsession feed'");
}
sub has_one_feed { return await { my @now = feeds(); @now == 1 } }

# The session is in the cache: it was asked for, and the second request asked nobody.
sub is_cached {
    my ($client) = @_;
    return await {
        my $before = lookups();
        is_in($client) && lookups() == $before;
    };
}

sub goes {
    my ($client, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Secsession::Test::wait_until { !is_in($client) } $name;
}

1;
