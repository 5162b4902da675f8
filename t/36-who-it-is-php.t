# At a place with AuthType SecSession the session alone says who the user is, in whatever way a
# variable's name is written that a program reads as the same: PHP drops blanks before a name and
# makes an array of what is before a bracket, and CGI ends it at an equals sign.

use lib 't/lib';
use Secsession::Test;
use Secsession::Fpm;

my $fpm = Secsession::Fpm->start_if_there or plan skip_all => 'no PHP-FPM on this machine';

my $SHOW = <<'PHP';
<?php
header('Content-Type: text/plain');
foreach ($_SERVER as $name => $value) { echo $name, '=', is_array($value) ? 'array' : $value, "\n"; }
PHP
my @TOLD = qw(REMOTE_USER AUTH_TYPE SECSESSION_ID HTTP_X_REMOTE_USER);

# Each writes a name that is not quite one of these.
my @WAYS = (
    sub { " $_[0]" }, sub { "  $_[0]" }, sub { ' ' . $_[0] =~ tr/_/./r },
    sub { ' ' . $_[0] =~ s/_/[/r }, sub { "$_[0]\[x]" }, sub { " $_[0]\[" },
);
my @names = map { my $name = $_; map { $_->($name) } @WAYS } @TOLD;
my @equal = map { "$_=alice" } @TOLD;

my %HTACCESS = (
    setenv => join('', map { qq{SetEnv "$_" alice\n} } @names, @equal),
    setenvif => join('', map { qq{SetEnvIf Request_URI ^ "$_=alice"\n} } @names),
    rewrite => join('', "RewriteEngine On\n",
        map { qq{RewriteRule ^ - "[E=$_:alice]"\n} } grep { !/\[/ } @names),
    header => join('', map { qq{RequestHeader set "$_" alice\n} } ' X-Remote-User',
        'X-Remote-User[x]'),
);
my %files;
for my $way (keys %HTACCESS) {
    $files{"$way/.htaccess"} = $HTACCESS{$way};
    $files{"$way/show.php"} = $SHOW;
    $files{"$way/none"} = '';
}

my ($postgres, $httpd) = start_servers(
    modules => [qw(proxy proxy_fcgi)], files => \%files,
    config => <<"CONFIG");
AliasMatch "^/\\w+/show\$" "\@FOLDER\@/cgi-bin/show"
<Directory "\@FOLDER\@/htdocs">
    AllowOverride All
    <FilesMatch "[.]php\$">
        SetHandler "@{[ $fpm->handler ]}"
    </FilesMatch>
</Directory>
<LocationMatch "^/(@{[ join '|', keys %HTACCESS ]})/">
    AuthType SecSession
    Require all granted
    SecSessionForward X-Remote-User
</LocationMatch>
CONFIG

my $bob = browser($httpd, 'bob');
for my $way (sort keys %HTACCESS) {
    subtest $way => sub {
        for my $who ([ $bob, 'bob' ], [ $httpd->client, undef ]) {
            my $seen = environment_of($who->[0]->get("/$way/show.php"));
            my $test = $who->[1] // 'a stranger';
            like $seen->{SCRIPT_NAME}, qr/show/, "$test: the program is asked";
            is $seen->{$_}, $who->[1], "$test: $_" for qw(REMOTE_USER HTTP_X_REMOTE_USER);
            is !!$seen->{SECSESSION_ID}, !!$who->[1], "$test: SECSESSION_ID";
            is $seen->{AUTH_TYPE}, $who->[1] && 'SecSession', "$test: AUTH_TYPE";
            is_deeply [ grep { $seen->{$_} =~ /alice/ } sort keys %$seen ], [], "$test: no alice";
        }
    };
}

done_testing;
