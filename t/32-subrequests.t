# A session that is good at one location and over the limits of another is judged for each part of a
# request by itself: a listing, an SSI page and MultiViews show what its user may have, and no more.

use lib 't/lib';
use Secsession::Test;

my @NAMES = map { sprintf '%02d', $_ } 1 .. 24;
my %files = (
    (map { ("static/list/$_.txt" => 'x' x $_) } @NAMES),
    (map { ("static/list/pick.html.$_" => "in $_") } qw(de en)),
    'static/sizes.shtml' =>
        join('', map { qq{$_:<!--#fsize virtual="/static/list/$_.txt" -->\n} } @NAMES),
);
my ($postgres, $httpd) = start_servers(
    children => 1, modules => [qw(autoindex include negotiation)], files => \%files,
    config => <<'CONFIG');
AddLanguage en .en
AddLanguage de .de
<Directory "@FOLDER@/htdocs/static/list">
    Options +Indexes +MultiViews
</Directory>
<Directory "@FOLDER@/htdocs/static">
    Options +Includes
    AddOutputFilter INCLUDES .shtml
</Directory>
<FilesMatch "[13579]\.txt$">
    SecSessionIdleTimeout 1m
    AuthType SecSession
    Require valid-user
</FilesMatch>
<FilesMatch "[02468]\.txt$">
    SecSessionIdleTimeout 20m
    AuthType SecSession
    Require valid-user
</FilesMatch>
<Files "pick.html.de">
    SecSessionIdleTimeout 1m
    AuthType SecSession
    Require valid-user
</Files>
<Files "pick.html.en">
    SecSessionIdleTimeout 20m
    AuthType SecSession
    Require valid-user
</Files>
SSIErrorMsg "-"
CONFIG

my @ALLOWED = grep { /[02468]$/ } @NAMES;

# As if the session had last been used five minutes ago.
sub rest {
    my ($client) = @_;
    for my $ago ('1 ms', '5 minutes') {
        $postgres->psql(
            "update secsession.session set last_seen_at = last_seen_at - interval '$ago' "
                . "where session_id = :'id'",
            vars => { id => id_of($client) });
        has_heard($postgres);
    }
    return $client;
}

sub listed { return [ $_[0]->body =~ /href="(\d\d)\.txt"/g ] }
sub sized { return [ $_[0]->body =~ /^(\d\d): *\d/mg ] }

subtest 'a session within all limits' => sub {
    my $alice = browser($httpd, 'alice');
    is_deeply listed($alice->get('/static/list/')), \@NAMES, 'a listing shows everything';
    is_deeply sized($alice->get('/static/sizes.shtml')), \@NAMES, 'and so does SSI';
};

# Several times, since it depends on where the memory of a subrequest is.
subtest 'a session that is too old for some files' => sub {
    for my $turn (1 .. 3) {
        my $alice = rest(browser($httpd, 'alice'));
        $alice->get('/pub/page.html', jar => 0);
        is_deeply listed($alice->get('/static/list/')), \@ALLOWED,
            "a listing shows the others, and all of them ($turn)";
        $alice = rest(browser($httpd, 'alice'));
        is_deeply sized($alice->get('/static/sizes.shtml')), \@ALLOWED, "SSI, too ($turn)";
        $alice = rest(browser($httpd, 'alice'));
        my $picked = $alice->get('/static/list/pick', headers => [ [ 'Accept-Language' => 'en' ] ]);
        is $picked->status, 200, "MultiViews find what may be had ($turn)";
    }
};

done_testing;
