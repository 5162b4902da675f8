# No cache that several users share gets a response of a session: what applications say about caches
# is obeyed only if it is enough, and mod_cache in the same httpd stores nothing of a session.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Programs 'answering';

my %CGI = (fragment => <<'PERL', login => <<'PERL2');
print "Cache-Control: public, max-age=600\nContent-Type: text/plain\n\n";
print 'this is for ', $ENV{REMOTE_USER} // 'a visitor', "\n";
PERL
print "Cache-Control: public, max-age=600\nSecSession-Login: erika\nContent-Type: text/plain\n\nhello\n";
PERL2

my $CONFIG = <<'CONFIG';
CacheEnable disk "/"
CacheRoot "@FOLDER@/state"
CacheHeader On
CacheLock Off
ScriptAliasMatch "^/(?:on|off|needs)/(fragment|headers|show)(.*)$" "@FOLDER@/cgi-bin/$1$2"
ScriptAlias "/enter" "@FOLDER@/cgi-bin/login"
<LocationMatch "^/(on|off|needs)/">
    AuthType SecSession
    Require all granted
</LocationMatch>
<LocationMatch "^/(off|needs)/">
    SecSessionCacheControl Off
</LocationMatch>
<Location "/needs/">
    Require valid-user
</Location>
<Location "/off/static/">
    Header set Cache-Control "max-age=600"
</Location>
Alias "/off/static/" "@FOLDER@/htdocs/pub/"
<Location "/enter">
    SecSessionAppLogin On
</Location>
<Location "/ssi/">
    SecSession Off
    Options +Includes
    AddOutputFilter INCLUDES .shtml
    AddType text/html .shtml
    Header set Cache-Control "public, max-age=600"
</Location>
CONFIG
my @MODULES = qw(cache cache_disk include);
my %FILES = ('ssi/page.shtml' => '<!--#include virtual="/off/fragment" -->');
my ($postgres, $httpd) = start_servers(children => 2, threads => 8, modules => \@MODULES,
    cgi => \%CGI, files => \%FILES, config => $CONFIG);

sub cache_control { return join ' | ', $_[0]->all_headers('Cache-Control') }
sub said_to_alice {
    my ($alice, @fields) = @_;
    return $alice->get(answering('on', @fields));
}

subtest 'what an application says' => sub {
    my $alice = browser($httpd, 'alice');
    my @enough = (
        'private', 'no-store', 'PRIVATE', 'private, max-age=60', 'max-age=0,no-store',
        'no-cache, private', 'private, no-cache="x"', 'x="a, \\"b", private', 'private, ,', 'ext=1, private'
    );
    my @not_enough = (
        'private="x"', 'ext="no-store"', 'no-cache="x"', 'x=private',
        'x="private"', 'private=x', 'no-store=1', 'x-private', 'no-storee', 'private public',
        'private, public', 'private; max-age=60', '"private"', 'private="', 'private, x="',
        "private, s-maxage=60", 'x="a", ext="b, private"', 'no-store x', '(private)', 'no-cache'
    );
    is cache_control(said_to_alice($alice, "Cache-Control: $_")), $_, "$_ is enough" for @enough;
    is cache_control(said_to_alice($alice, "Cache-Control: $_")), 'no-store', "$_ is not"
        for @not_enough;
    is cache_control(said_to_alice($alice, "Cache-Control: $_")), 'private', "$_ becomes private"
        for 'public', 'public, s-maxage=60';
    is cache_control(said_to_alice($alice)), 'no-store', 'nor is nothing';
    is cache_control(said_to_alice($alice, 'Cache-Control: private', 'Cache-Control: public')),
        'no-store', 'nor two that disagree';
    is cache_control($httpd->get(answering('on', 'Cache-Control: public'))), 'public',
        'to a visitor everything is said';
};

subtest 'what other caches obey' => sub {
    my $alice = browser($httpd, 'alice');
    my @fields = (
        'CDN-Cache-Control: max-age=60', 'Surrogate-Control: max-age=60', 'X-Accel-Expires: 60',
        'Cloudflare-CDN-Cache-Control: max-age=60', 'surrogate-control: x', 'Edge-Control: cache-maxage=1h',
        'X-LiteSpeed-Cache-Control: public'
    );
    for my $own ('private', 'public') {
        my $response = said_to_alice($alice, "Cache-Control: $own", @fields, 'X-Cache-Control2: x');
        my @left = grep { /accel|surrogate|edge|cache-control$/i && !/^cache-control$/i }
            map { $_->[0] } @{ $response->headers };
        is_deeply \@left, [], "beside $own nothing is left of it";
        is $response->header('X-Cache-Control2'), 'x', 'other fields are';
    }
    is scalar(grep { $_->[0] =~ /accel|surrogate|edge|cdn/i }
            @{ $httpd->get(answering('on', @fields))->headers }), 5, 'nor taken from visitors';
    my $off = $alice->get(answering('off', @fields));
    ok $off->header('CDN-Cache-Control'), 'nor where SecSessionCacheControl is Off';
};

sub check_mod_cache {
    my ($httpd, $how) = @_;
    for my $place (qw(on off needs)) {
        my $alice = browser($httpd, 'alice');
        my $path = "/$place/fragment?$how";
        like $alice->get($path)->body, qr/for alice/, "$how $path: alice gets her page" for 1, 2;
        unlike $httpd->get($path)->body, qr/alice/, "$how $path: nobody else does";
        like browser($httpd, 'bob')->get($path)->body, qr/for bob/, "$how $path: nor does bob";
    }
    my $erika = $httpd->client;
    ok $erika->get("/enter?$how")->cookie('__Host-secsession'), "$how: erika logs in";
    my $visitor = $httpd->client;
    my $answer = $visitor->get("/enter?$how")->cookie('__Host-secsession');
    isnt $answer, $erika->token && '__Host-secsession=' . $erika->token, "$how: nobody is her by that";
    my $alice = browser($httpd, 'alice');
    like $alice->get("/ssi/page.shtml?$how")->body, qr/for alice/, "$how: a page with a part of hers";
    unlike $httpd->get("/ssi/page.shtml?$how")->body, qr/alice/, "$how: is nobody else's";
    return;
}

subtest 'mod_cache, which answers before anybody asks who it is' => sub {
    check_mod_cache($httpd, 'quick');
    my @hits = map { $httpd->get('/off/fragment?visitors')->header('X-Cache') // '' } 1 .. 3;
    like $hits[2], qr/^HIT/, 'what visitors get is stored';
    my $file = browser($httpd, 'alice')->get('/off/static/page.html');
    is $file->header('Expires'), undef, 'a file of a session is stored by the browser';
    is cache_control($file), 'max-age=600', 'as the administrator says';
};

for my $more ("CacheQuickHandler Off\n", "CacheStoreNoStore On\nCacheStorePrivate On\n",
    "CacheQuickHandler Off\nCacheStoreNoStore On\nCacheStorePrivate On\n")
{
    subtest "mod_cache with $more" => sub {
        $httpd->reconfigure(Secsession::Test::standard_config(config => $more . $CONFIG));
        $httpd->restart;
        check_mod_cache($httpd, $more =~ s/\W//gr);
    };
}

# Without CacheEnable mod_cache does nothing, but its hooks run.
my $CACHE = 'LoadModule cache_module ' . Secsession::Httpd::installation()->{modules} . '/mod_cache.so';
for my $order ([ 'before' => 'cache' ], [ 'after' => () ]) {
    my ($when, @modules) = @$order;
    subtest "our own pages, with mod_cache loaded $when our module" => sub {
        my $other = Secsession::Httpd->start(postgres => $postgres, files => {}, modules => \@modules,
            config => (@modules ? '' : "$CACHE\n") . Secsession::Test::standard_config(config => <<'CONFIG'));
<Location "/sessions">
    SetHandler secsession-sessions
    AuthType SecSession
    Require valid-user
</Location>
CONFIG
        # Who is logged in and opens the login page is sent on.
        my %status = ('/login' => 303, '/logout' => 200, '/sessions' => 200);
        for my $path (sort keys %status) {
            my $alice = browser($other, 'alice');
            is $alice->request($_, $path)->status, $status{$path}, "$_ $path" for qw(GET HEAD);
        }
    };
}

done_testing;
