# Response headers and the vault work the same for all kinds of applications: PHP-FPM, an
# application behind mod_proxy, and a handler inside httpd (mod_lua), whose header fields are in
# other tables than those of CGI.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Fpm;
use Secsession::Httpd;

my $PHP = <<'PHP';
<?php
session_start();
$do = $_GET['do'] ?? '';
if ($do === 'login') {
    session_regenerate_id(true);
    $_SESSION['user'] = $_GET['user'];
    header('SecSession-Login: ' . $_GET['user']);
}
if ($do === 'logout') {
    session_destroy();
    setcookie(session_name(), '', 1, '/');
    header('SecSession-Logout: 1');
}
if ($do === 'fail') {
    http_response_code(500);
    header('SecSession-Login: mallory', true, 500);
}
header('Content-Type: text/plain');
echo "user=", $_SESSION['user'] ?? '', "\nremote=", $_SERVER['REMOTE_USER'] ?? '', "\nid=", session_id(), "\n";
PHP
my $PERL = <<'PERL';
my %in = map { split /=/, $_, 2 } split /&/, $ENV{QUERY_STRING};
my ($id) = ($ENV{HTTP_COOKIE} // '') =~ /\bPHPSESSID=(\w+)/;
my $do = $in{do} // '';
if ($do eq 'login' || !$id) {
    $id = join '', map { ('a' .. 'z')[ rand 26 ] } 1 .. 26;
    print "Set-Cookie: PHPSESSID=$id; path=/\n";
}
my $user = '';
if ($do eq 'login') { open my $out, '>', "$state/$id" or die; print {$out} $in{user}; close $out }
if ($do eq 'logout') { unlink "$state/$id"; print "SecSession-Logout: 1\nSet-Cookie: PHPSESSID=deleted; Max-Age=0; path=/\n" }
if (open my $in, '<', "$state/$id") { $user = <$in> }
print "SecSession-Login: $in{user}\n" if $do eq 'login';
print "Status: 500 Oops\nSecSession-Login: mallory\n" if $do eq 'fail';
print "Content-Type: text/plain\n\nuser=$user\nremote=", $ENV{HTTP_X_USER} // $ENV{REMOTE_USER} // '', "\nid=$id\n";
PERL
my $LUA = <<'LUA';
function handle(r)
    local args = r:parseargs()
    local id = (r.headers_in['Cookie'] or ''):match('PHPSESSID=([%w_]+)')
    local what = args['do']
    if what == 'login' or not id then
        id = (what == 'login' and args['user'] or 'nobody') .. '_' .. string.format('%.0f', r:clock())
        r.headers_out['Set-Cookie'] = 'PHPSESSID=' .. id .. '; path=/'
    end
    if what == 'login' then r.headers_out['SecSession-Login'] = args['user'] end
    if what == 'logout' then
        r.headers_out['SecSession-Logout'] = '1'
        r.headers_out['Set-Cookie'] = 'PHPSESSID=deleted; Max-Age=0; path=/'
    end
    if what == 'fail' then
        r.status = 500
        r.headers_out['SecSession-Login'] = 'mallory'
    end
    r.content_type = 'text/plain'
    r:puts('user=' .. (what ~= 'logout' and id:match('^(.-)_') or ''):gsub('nobody', '') .. '\nremote=' .. (r.user or '') .. '\nid=' .. id .. '\n')
    return apache2.OK
end
LUA

my $fpm = Secsession::Fpm->start;
my $backend = Secsession::Httpd->start(module => 0, files => {}, cgi => { app => $PERL },
    config => qq(ScriptAlias "/proxied/" "\@FOLDER\@/cgi-bin/"\n));
my $config = <<"CONFIG";
<LocationMatch "^/(?:php|proxied|lua)/">
    SecSessionAppLogin On
    SecSessionVault PHPSESSID
    AuthType SecSession
    Require all granted
</LocationMatch>
<FilesMatch "\\.php\$">
    SetHandler "@{[ $fpm->handler ]}"
</FilesMatch>
<FilesMatch "\\.lua\$">
    SetHandler lua-script
</FilesMatch>
ProxyPass "/proxied/" "http://127.0.0.1:@{[ $backend->port ]}/proxied/"
CONFIG
my ($postgres, $httpd) = start_servers(
    children => 2, threads => 8, database => { log_statements => 1 }, config => $config,
    modules => [qw(proxy proxy_http proxy_fcgi lua)],
    files => { 'php/app.php' => $PHP, 'lua/app.lua' => $LUA }
);
my %APP = ('PHP-FPM' => '/php/app.php', 'behind mod_proxy' => '/proxied/app',
    'inside of httpd' => '/lua/app.lua');
my $COOKIE = '__Host-secsession';

for my $kind (sort keys %APP) {
    my $app = $APP{$kind};
    my @seen;
    my $ask = sub {
        my ($client, $do, @opt) = @_;
        my $response = $client->get("$app?do=$do&user=erika", @opt);
        push @seen, $response->raw;
        my %said = $response->body =~ /^(\w+)=(.*)$/mg;
        return { %said, status => $response->status };
    };
    subtest $kind => sub {
        my $client = $httpd->client;
        my $first = $ask->($client, 'look');
        is $first->{user}, '', 'a visitor';
        is $ask->($client, 'look')->{id}, $first->{id}, 'has one session of the application';
        my $anonymous = $client->token;
        my $login = $ask->($client, 'login');
        is $login->{user}, 'erika', 'the application logs her in';
        isnt $client->token, $anonymous, 'under another token';
        my $used = $ask->($client, 'look');
        is $used->{user}, 'erika', 'and knows her again';
        is $used->{remote}, 'erika', 'by what httpd tells it, too'
            unless $kind eq 'behind mod_proxy';
        is $postgres->value(
            "select count(*) from secsession.active_session where user_name = 'erika'"), 1,
            'so do administrators';
        my $thief = $httpd->client;
        is $ask->($thief, 'look', headers => [ [ Cookie => "PHPSESSID=$used->{id}" ] ])->{user},
            '', 'her application cookie is worth nothing';
        is $ask->($httpd->client->set_token($anonymous), 'look')->{user}, '',
            'nor is the token of before';
        has_heard($postgres);    # of the login, after which the session is looked up once more
        $ask->($client, 'look');
        my $before = $postgres->asked_by_requests;
        is scalar(grep { $ask->($client, 'look')->{user} eq 'erika' } 1 .. 10), 10, 'she uses it';
        is $postgres->asked_by_requests - $before, 0, 'without SQL';
        $postgres->psql("select secsession.revoke_user('erika', 'test')");
        has_heard($postgres);
        my $token = $client->token;
        is $ask->($client, 'look')->{user}, '',
            'revoked: the application does not know her any more';
        is $ask->($httpd->client->set_token($token), 'look')->{user}, '', 'for good';
        $ask->($client, 'login');
        is $ask->($client, 'look')->{user}, 'erika', 'logged in again';
        $token = $client->token;
        $ask->($client, 'logout');
        is $ask->($httpd->client->set_token($token), 'look')->{user}, '', 'and out';
        is $ask->($httpd->client, 'fail')->{status}, 500, 'an answer that is an error';
        is scalar(grep { /^(?:Set-Cookie: PHPSESSID|SecSession-)/mi } @seen), 0,
            'no answer gave a cookie of the application or a word away';
    };
}
my $ids = $postgres->value('select count(*) from secsession.session');
cmp_ok $ids, '<', 60, 'there are no more sessions than visitors';
done_testing;
