# A response that began before a login neither writes into the vault of after it nor sees what is in
# there: whoever has planted the old token, or has stolen it, sets no cookie of the victim. Whose
# token is only followed by the next one loses none.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Fpm;
use Secsession::Process qw(scratch spew);
use Secsession::Programs qw(answering encoded);

my $STATE = scratch('late');
chmod 0777, $STATE;
# Has read the whole request, waits, and then answers with the header fields of its query.
my %CGI = (late => <<"PERL");
my (\$name, \$fields) = split /&/, \$ENV{QUERY_STRING}, 2;
my \$end = time + 30;
sub say_so { open my \$out, '>', "$STATE/\$name.\$_[0]" or die; close \$out }
say_so('started');
read STDIN, my \$body, \$ENV{CONTENT_LENGTH} || 0;
select undef, undef, undef, 0.01 until -e "$STATE/\$name.go" || time > \$end;
print \$fields =~ s/%([0-9A-Fa-f]{2})/chr hex \$1/ger, "\\n";
print "Content-Type: text/plain\\n\\nanswered\\n" unless \$fields =~ /^Location/;
PERL
my $PHP = <<"PHP";
<?php
[\$name, \$fields] = explode('&', \$_SERVER['QUERY_STRING'], 2);
touch("$STATE/\$name.started");
for (\$end = time() + 30; !file_exists("$STATE/\$name.go") && time() < \$end; clearstatcache()) usleep(10000);
foreach (explode("\\n", rawurldecode(\$fields)) as \$field) header(\$field, false);
echo "answered\\n";
PHP
my $fpm = Secsession::Fpm->start(children => 4);
my $backend = Secsession::Httpd->start(module => 0, files => {}, cgi => \%CGI,
    config => qq(ScriptAlias "/proxied/" "\@FOLDER\@/cgi-bin/"\n));
my ($postgres, $httpd) = start_servers(
    children => 2, threads => 16, modules => [qw(proxy proxy_http proxy_fcgi)], cgi => \%CGI,
    files => { 'php/late.php' => $PHP }, config => <<"CONFIG");
SecSessionRotateInterval 1s
<LocationMatch "^/(cgi|php|proxied)/">
    SecSessionVault APPID
    SecSessionAppLogin On
</LocationMatch>
ScriptAliasMatch "^/(?:cgi|open)/(headers|show|late)(.*)\$" "\@FOLDER\@/cgi-bin/\$1\$2"
<FilesMatch "\\.php\$">
    SetHandler "@{[ $fpm->handler ]}"
</FilesMatch>
ProxyPass "/proxied/" "http://127.0.0.1:@{[ $backend->port ]}/proxied/"
CONFIG
my %LATE = ('a CGI program' => '/cgi/late', 'PHP-FPM' => '/php/late.php',
    'a proxied application' => '/proxied/late');

my $number = 0;
sub begins_late {
    my ($client, $path, @fields) = @_;
    my $name = 'n' . ++$number;
    my %opt = ref $fields[-1] ? %{ pop @fields } : ();
    my $request = $client->clone->start_request($opt{body} ? 'POST' : 'GET',
        "$path?$name&" . encoded(join "\n", @fields), %opt);
    ok Secsession::Process::await(sub { -e "$STATE/$name.started" }), 'the application is slow'
        unless $opt{body};
    return ($name, $request);
}
sub ends { my ($name, $request) = @_; spew("$STATE/$name.go", ''); return $request->finish }
sub sets { my ($client, $value) = @_; return $client->get(answering('cgi', "Set-Cookie: APPID=$value; path=/")) }
sub seen { return environment_of($_[0]->clone->get('/cgi/show'))->{HTTP_COOKIE} // '' }
sub logs_in_by_form { return $_[0]->login('alice', password_of('alice')) }
sub logs_in_by_app { return $_[0]->get(answering('cgi', 'SecSession-Login: alice')) }
my %LOGINS = ('the login form' => \&logs_in_by_form, 'the application' => \&logs_in_by_app);

sub planted {
    my $planter = $httpd->client;
    sets($planter, $_[0] // 'planted');
    return $planter;
}
sub is_unharmed {
    my ($client, $response, $name) = @_;
    is_deeply [ grep { /APPID/ } $response->all_headers('Set-Cookie') ], [], "$name: no browser gets it";
    return is seen($client), 'APPID=hers', "$name: she has her own cookie";
}

for my $kind (sort keys %LATE) {
    for my $way (sort keys %LOGINS) {
        subtest "$kind that answers after a login by $way" => sub {
            my $planter = planted();
            my $victim = $planter->clone;
            my @sets = begins_late($planter, $LATE{$kind}, 'Set-Cookie: APPID=late; path=/');
            my @removes = begins_late($planter, $LATE{$kind}, 'Set-Cookie: APPID=; path=/; Max-Age=0');
            $LOGINS{$way}->($victim);
            sets($victim, 'hers');
            is_unharmed($victim, ends(@sets), 'a planted token sets a cookie');
            is_unharmed($victim, ends(@removes), 'and removes one');

            my @again = begins_late($victim, $LATE{$kind}, 'Set-Cookie: APPID=late; path=/');
            $LOGINS{$way}->($victim);
            is_unharmed($victim, ends(@again), 'a stolen one, and its user logs in again');
        };
    }
}

subtest 'a body that comes late' => sub {
    my $planter = planted();
    my $victim = $planter->clone;
    my ($name, $request) = begins_late($planter, '/proxied/late', 'Set-Cookie: APPID=late; path=/',
        { body => 'x' x 10, headers => [ [ 'Content-Length' => 20 ] ] });
    logs_in_by_form($victim);
    sets($victim, 'hers');
    syswrite $request->{socket}, 'y' x 10;
    my $response = ends($name, $request);
    is $response->status, 200, 'the rest of a form is answered';
    is_unharmed($victim, $response, 'the rest of a form');
};

subtest 'a vault that is read late' => sub {
    my $planter = planted('x' x 2000);    # more than is remembered in memory
    my $victim = $planter->clone;
    my ($name, $request) = begins_late($planter, '/open/late', 'Location: /cgi/show');
    logs_in_by_form($victim);
    sets($victim, 'hers');
    my $response = ends($name, $request);
    like $response->body, qr/^REQUEST_URI=/m, 'a redirect inside of httpd';
    unlike $response->body, qr/hers/, 'does not see what is in it by then';
};

subtest 'a login that was begun before another one' => sub {
    my $planter = planted();
    my $victim = $planter->clone;
    my ($name, $request) = begins_late($planter, '/cgi/late', 'SecSession-Login: mallory',
        'Set-Cookie: APPID=mallory; path=/');
    logs_in_by_form($victim);
    sets($victim, 'hers');
    is_unharmed($victim, ends($name, $request), 'somebody else');
    is environment_of($victim->get('/app/show'))->{REMOTE_USER}, 'alice', 'is somebody else';
};

subtest 'the next token of the same login' => sub {
    my $alice = browser($httpd, 'alice');
    sets($alice, 'old');
    my @late = begins_late($alice, '/cgi/late', 'Set-Cookie: APPID=hers; path=/');
    my $old = $alice->token;
    wait_until { $alice->get('/app/show'); $alice->token ne $old } 'a browser is offered one';
    $alice->get('/app/show');
    is_unharmed($alice, ends(@late), 'takes nothing away');
};

done_testing;
