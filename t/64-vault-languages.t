# No spelling of a vaulted cookie's name that a language reads as that name passes: neither from a
# browser to an application (PHP, Python, Perl), nor from an application to a browser.

use lib 't/lib';
use Secsession::Test;
use Secsession::Browser;
use Secsession::Fpm;
use Secsession::Programs 'answering';

my $PYTHON = '/usr/bin/python3';
my %CGI = (perl => <<'PERL');
# What CGI::Cookie->parse() and CGI::Util::unescape() of CGI.pm 4.55 do.
print "Content-Type: text/plain\n\n";
for my $pair (split /[;,] ?/, $ENV{HTTP_COOKIE} // '') {
    $pair =~ s/^\s+//;
    $pair =~ s/\s+$//;
    my ($key, $value) = split /=/, $pair, 2;
    $key =~ tr/+/ /;
    $key =~ s/%(?:([0-9a-fA-F]{2})|u([0-9a-fA-F]{4}))/chr hex($1 \/\/ $2)/ge;
    print "finds $value\n" if $key eq 'APPID' && defined $value;
}
PERL
$CGI{python} = <<"PYTHON" if -x $PYTHON;
#!$PYTHON
import os
from http.cookies import CookieError, SimpleCookie
raw = os.environb.get(b'HTTP_COOKIE', b'')
print('Content-Type: text/plain\\n')
try:
    for key, found in SimpleCookie(raw.decode('latin-1')).items():
        if key == 'APPID':
            print('finds', found.value)
except CookieError:
    pass
for text in (raw.decode('latin-1'), raw.decode('utf-8', 'replace')):
    for chunk in text.split(';'):   # as Django and Tornado read it
        key, value = chunk.split('=', 1) if '=' in chunk else ('', chunk)
        if key.strip() == 'APPID':
            print('finds', value.strip())
PYTHON
my $PHP = '<?php header("Content-Type: text/plain"); foreach (["APPID", "my_id"] as $name) '
    . 'if (isset($_COOKIE[$name])) echo "finds ", json_encode($_COOKIE[$name]), "\n";';

my $php = Secsession::Fpm->start_if_there(children => 2);
my ($postgres, $httpd) = start_servers(
    children => 2, threads => 8, modules => [qw(proxy proxy_fcgi)], cgi => \%CGI,
    files => { 'v/php.php' => $PHP, 'pub/blank.html' => '<!DOCTYPE html><title>Blank</title>' },
    config => <<"CONFIG");
<LocationMatch "^/v/">
    SecSessionVault APPID my.id
</LocationMatch>
ScriptAliasMatch "^/v/(perl|python|show|headers)(.*)\$" "\@FOLDER\@/cgi-bin/\$1\$2"
ScriptAliasMatch "^/open/(perl|python|show)(.*)\$" "\@FOLDER\@/cgi-bin/\$1\$2"
Alias "/open/" "\@FOLDER\@/htdocs/v/"
<LocationMatch "^/(v|open)/.*\\.php\$">
    @{[ $php ? 'SetHandler "' . $php->handler . '"' : '' ]}
</LocationMatch>
CONFIG

my @PROGRAMS = ('perl', ('python') x !!$CGI{python}, ('php.php') x !!$php);

# The value "planted" of a cookie whose name some language reads as APPID, or PHP as my_id.
my @SPELLINGS = (
    'APPID=planted', '%41PPID=planted', '%u0041PPID=planted', '%U0041%50PID=planted',
    'a=1 APPID=planted', 'a=1  APPID = planted', "a=1\tAPPID=planted", 'a="q" APPID=planted',
    'a APPID=planted', 'a=1, APPID=planted', 'a=1,APPID=planted', 'a=1, b=2 APPID=planted',
    'APPID[a]=planted', 'APPID[]=planted', 'APPID[a][b]=planted', '%41PPID%5Ba%5D=planted',
    ' APPID=planted', "\tAPPID =planted", "%0bAPPID=planted", '%20APPID=planted',
    '+APPID=planted', "\xc2\xa0APPID=planted", "APPID\xe3\x80\x80=planted", "\xa0APPID=planted",
    "\xe2\x80\x83\xe2\x80\x83APPID\x85=planted",
    '=APPID=planted', '==APPID=planted', 'my.id=planted', 'my_id=planted', 'my id=planted',
    'my[id=planted', ' my.id[x]=planted', 'my%2Eid=planted'
);

sub found { return join '', $_[0]->body =~ /^(finds .*)$/mg }
sub with_cookie {
    my ($client, $cookie) = @_;
    my $ours = $client->token ? '__Host-secsession=' . $client->token . '; ' : '';
    return (jar => 0, headers => [ [ Cookie => "${ours}first=1;$cookie;last=1" ] ]);
}

subtest 'where there is no vault' => sub {
    for my $program (@PROGRAMS) {
        my $read = grep { found($httpd->get("/open/$program", with_cookie($httpd->client, $_))) }
            @SPELLINGS;
        cmp_ok $read, '>=', 3, "$program finds its cookie in $read of these spellings";
    }
};

subtest 'from a browser' => sub {
    my $client = $httpd->client;
    $client->get(answering('v', 'Set-Cookie: APPID=kept; path=/'));
    for my $spelling (@SPELLINGS) {
        my $shown = $spelling =~ s/([^ -~])/sprintf '\x%02x', ord $1/ger;
        my $seen = environment_of($client->get('/v/show', with_cookie($client, $spelling)))
            ->{HTTP_COOKIE};
        is $seen, 'APPID=kept; first=1; last=1', "$shown: the vault's, and all others";
        for my $program (@PROGRAMS) {
            unlike found($client->get("/v/$program", with_cookie($client, $spelling))), qr/planted/,
                "$shown: nothing that is planted for $program";
        }
    }
    for my $program (@PROGRAMS) {
        like found($client->get("/v/$program")), qr/kept/, "$program finds its own";
    }
};

subtest 'cookies that only look similar' => sub {
    my @others = (
        'a=APPID', 'a=b=APPID=1', 'a=1 APPID', 'XAPPID=1', 'APPID2=1', 'a="x y"', 'my-id=1',
        'a=1 2 3', '%=1', 'a=%u', 'x[APPID]=1', '%41PPI=1', "\xc3\xa4=1"
    );
    for my $cookie (@others) {
        is environment_of($httpd->get('/v/show', headers => [ [ Cookie => $cookie ] ]))
            ->{HTTP_COOKIE}, $cookie, "$cookie passes";
    }
};

subtest 'from an application' => sub {
    for my $spelling (grep { !/[^ -~]|^ / } @SPELLINGS) {
        my $client = $httpd->client;
        my $response = $client->get(answering('v', "Set-Cookie: $spelling; path=/"));
        is_deeply [ grep { /planted/ } $response->all_headers('Set-Cookie') ], [],
            "$spelling: no browser gets it";
        like environment_of($client->get('/v/show'))->{HTTP_COOKIE}, qr/planted/,
            "$spelling: and the application sees it again";
    }
};

subtest 'a real browser' => sub {
    plan skip_all => 'no chromium-driver on this machine'
        unless Secsession::Browser->is_installed;
    my $browser = Secsession::Browser->start;
    my $here = 'http://localhost:' . $httpd->port;
    my @set = (
        '%u0041PPID=planted', 'a=1 APPID=planted', 'APPID[a]=planted', '=APPID=planted',
        "\\u00a0APPID=planted", 'own=1'
    );
    $browser->open("$here/pub/blank.html");
    $browser->run("document.cookie = '$_; path=/'") for @set;
    my $cookies = sub {
        $browser->open("$here/$_[0]/show");
        return ($browser->run('return document.body.textContent') // '') =~ /^HTTP_COOKIE=(.*)$/m
            ? $1 : '';
    };
    my $sent = $cookies->('open');
    my $count = () = $sent =~ /planted/g;
    cmp_ok $count, '>=', 3, "sends $count of such cookies: $sent";
    is $cookies->('v'), 'own=1', 'of which none passes';
};

done_testing;
