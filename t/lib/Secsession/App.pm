# Applications of Debian's packages, unpacked under build/apps by make check-apps and not changed by
# a byte.
#
#   use Secsession::App;                  # skips the test where they are not there, and fails where
#                                         CI is set
#   my $root = unpacked('usr/share/dokuwiki');     the folder that has this in it as / would
#   my $folder = private_copy($from, $name)        a copy for this test, httpd's user's own
#   give_away($folder)                             it is httpd's user's own
#   my $text = configuration('dokuwiki', '/usr/share/dokuwiki' => $place, ...)
#       conf/apps/dokuwiki.conf with these paths in place of Debian's; every one must be in it
#   without_sessions($text)               the same without the directives of mod_secsession
#   my $record = recorder()               $record->{values} of php.ini make every PHP page write
#                                         down what it was given;
#       or recorder($file), which an application in another language writes in the same way;
#       $record->asked is a list of those requests, the last one last: { server => {...}, cookies =>
#           {...} }
#   my $visitor = visitor($httpd)         a client that all answers are remembered of; it has
#       $visitor->page($path), submit($path, { ... })     follow redirects within the host
#       $visitor->send_file($path, { ... }, $field, $name, $content)
#       $visitor->bring($cookies)     it sends these beside ours
#   link_to($response, qr/logout/)        the path of the first link like that
#   form($response, qr/id="..."/)         the fields of a page's form, as a hash, and its action
#   check_application(%how)               the same promises for every application, as subtests;
#                                         %how:
#       servers => [ $postgres, $httpd ], user => 'alice'
#       who => sub { my ($visitor) = @_; ... }     whom the application says it sees, '' for nobody
#       log_in, log_out => sub { my ($visitor) = @_; ... }
#       fail => sub { ... }               a login with a wrong password
#       upload => sub { my ($visitor, $content) = @_; ... }     true if the application has it
#       record => $record, cookies => qr/^PHPSESSID$/, bare => $httpd    of PHP with a login of its
#                                                                        own: what it is given,
#           its own cookies, and another httpd with it and without us
package Secsession::App;

use strict;
use warnings;

use Exporter 'import';
use JSON::PP 'decode_json';
use Secsession::Client;
use Secsession::Process qw(am_root checkout run scratch slurp spew);
use Secsession::Test ();
use Test::More;

our @EXPORT =
    qw(unpacked private_copy give_away configuration without_sessions recorder visitor form
    link_to check_application);

my @answers;    # of all visitors
my %tokens;     # that any of them had

# --- what is unpacked ----------------------------------------------------------------------------

sub unpacked {
    my ($wanted) = @_;
    my $root = checkout() . '/build/apps/root';
    if (!-e "$root/$wanted") {
        die "$wanted is not unpacked: make check-apps\n" if $ENV{CI};
        plan(skip_all => "$wanted is not unpacked: make check-apps");
    }
    return $root if !am_root() || Secsession::Process::everyone_can_enter($root);
    my $copy = scratch('root');
    succeed([ 'cp', '-a', "$root/.", $copy ]);
    return $copy;
}

sub private_copy {
    my ($from, $name) = @_;
    my $folder = scratch($name);
    succeed([ 'cp', '-R', "$from/.", $folder ]);
    give_away($folder);
    return $folder;
}

sub give_away {
    my ($folder) = @_;
    succeed([ 'chown', '-R', 'www-data:', $folder ]) if am_root();
    return $folder;
}

sub succeed {
    my ($command, %opt) = @_;
    my ($exit, $out, $err) = run($command, %opt);
    die "@$command: exit $exit\n$out$err" if $exit;
    return $out;
}

sub configuration {
    my ($name, %path) = @_;
    my $text = slurp(checkout() . "/conf/apps/$name.conf");
    for my $from (sort { length $b <=> length $a } keys %path) {
        die "conf/apps/$name.conf does not have $from\n"
            unless $text =~ s/(?<=")\Q$from\E(?=[\/"|])/$path{$from}/g;
    }
    return $text;
}

# A directive may go on in the next lines.
sub without_sessions {
    my ($text) = @_;
    return $text =~ s/^\s*(?:SecSession|AuthType SecSession)(?:.*\\\n)*.*\n//mgr
        =~ s/Require valid-user/Require all granted/gr;
}

# --- what an application was given ---------------------------------------------------------------

sub recorder {
    my ($written) = @_;
    return bless { file => $written }, 'Secsession::App::Record' if $written;
    my $folder = give_away(scratch('record'));
    my $file = "$folder/requests";
    my $code = spew("$folder/record.php", <<"PHP");
<?php
if (PHP_SAPI !== 'cli') {
    file_put_contents('$file', json_encode(['server' => \$_SERVER, 'cookies' => \$_COOKIE], JSON_INVALID_UTF8_SUBSTITUTE) . "\\n",
        FILE_APPEND | LOCK_EX);
}
PHP
    return bless { file => $file, code => $code, values => { auto_prepend_file => $code } },
        'Secsession::App::Record';
}

sub Secsession::App::Record::text { return slurp($_[0]{file}) }
sub Secsession::App::Record::asked { return map { decode_json($_) } split /\n/, $_[0]->text }

# --- visitors ------------------------------------------------------------------------------------

sub visitor {
    my ($httpd) = @_;
    return Secsession::App::Visitor->new(port => $httpd->port, timeout => 60,
        is_protected => $httpd->with_module);
}

sub text_of {
    my ($text) = @_;
    my %entity = (amp => '&', quot => '"', lt => '<', gt => '>');
    return $text =~ s/&(?:#(\d+)|(\w+));/defined $1 ? chr $1 : $entity{$2}/ger;
}

sub attribute {
    my ($tag, $name) = @_;
    return $tag =~ /\s\Q$name\E\s*=\s*(?:"([^"]*)"|'([^']*)')/i ? text_of($1 // $2) : undef;
}

sub link_to {
    my ($response, $which) = @_;
    my ($link) = grep { /$which/ } map { text_of($_) } $response->body =~ /\bhref=["']([^"']*)/g;
    die "no link like $which in:\n" . $response->body unless defined $link;
    return $link =~ s{^http://[^/]*}{}r;
}

# Hidden fields and what is typed already; check boxes that are not ticked and buttons are left out.
sub form {
    my ($response, $which) = @_;
    my ($form) = grep { /\A<form\b[^>]*$which/i } $response->body =~ m{(<form\b.*?</form>)}gsi;
    die "no form like $which in:\n" . $response->body unless defined $form;
    my %fields = map { (attribute($_, 'name') // '') => attribute($_, 'value') // '' }
        grep { !/type=["'](?:submit|checkbox|reset|image)/i } $form =~ /(<input\b[^>]*>)/gi;
    while ($form =~ m{<textarea\b([^>]*)>\n?(.*?)</textarea>}gsi) {
        $fields{ attribute($1, 'name') // '' } = text_of($2);
    }
    delete $fields{''};
    my ($open) = $form =~ /\A(<form\b[^>]*>)/i;
    return (\%fields, attribute($open, 'action'));
}

package Secsession::App::Visitor;

our @ISA = ('Secsession::Client');

sub request {
    my ($self, @what) = @_;
    my $response = $self->SUPER::request(@what);
    push @answers, $response if $self->{is_protected};
    $tokens{ $self->token }++ if $self->token;
    return $response;
}

# Cookies that are sent beside our own with everything.
sub bring { my ($self, $cookies) = @_; $self->{brought} = $cookies; return $self }

sub cookies_for {
    my ($self, @where) = @_;
    return join '; ', grep { defined && length } $self->{brought}, $self->SUPER::cookies_for(@where);
}

# A form with a file in it, as browsers send one.
sub send_file {
    my ($self, $path, $fields, $name, $file, $content) = @_;
    my $between = 'between-the-fields-of-a-form';
    my $body = join '', map { "--$between\r\nContent-Disposition: form-data; name=\"$_\"\r\n\r\n"
            . "$fields->{$_}\r\n" } sort keys %$fields;
    $body .= "--$between\r\nContent-Disposition: form-data; name=\"$name\"; filename=\"$file\"\r\n"
        . "Content-Type: application/octet-stream\r\n\r\n$content\r\n--$between--\r\n";
    return $self->request('POST', $path, body => $body,
        headers => [ [ 'Content-Type' => "multipart/form-data; boundary=$between" ],
            [ Origin => $self->origin ], [ 'Sec-Fetch-Site' => 'same-origin' ] ]);
}

my @NAVIGATION = (headers => [ [ Accept => 'text/html' ], [ 'Sec-Fetch-Site' => 'same-origin' ] ]);

sub page {
    my ($self, $path) = @_;
    return $self->follow($path, $self->get($path, @NAVIGATION));
}

sub submit {
    my ($self, $url, $fields) = @_;
    my $path = $url =~ s{^http://[^/]*}{}r;
    return $self->follow($path, $self->post_form($path, $fields));
}

sub follow {
    my ($self, $path, $response) = @_;
    for (1 .. 8) {
        return $response unless $response->status =~ /^30[1237]$/;
        my $target = $response->header('Location') =~ s{^http://[^/]*}{}r;
        my ($folder) = $path =~ m{^([^?]*/)};
        $path = $target =~ m{^/} ? $target : $folder . $target;
        $response = $self->get($path, @NAVIGATION);
    }
    die "it leads in circles, at last to $path\n";
}

package Secsession::App;

# --- the promises --------------------------------------------------------------------------------

sub cookie_names {
    return
        map { /^\s*([^=;]+?)\s*(?:=|;|$)/ ? $1 : () }
        map { $_->all_headers('Set-Cookie') } @answers;
}

sub sessions_of {
    my ($how) = @_;
    return $how->{servers}[0]->value(
        "select count(*) from secsession.active_session where user_name = :'user'",
        vars => { user => $how->{user} }
    );
}

sub check_application {
    my (%how) = @_;
    subtest 'logging in and out' => sub { check_login(\%how) };
    subtest 'a session that nobody uses ends' => sub { check_idle(\%how) };
    subtest 'a revoked user is out' => sub { check_revocation(\%how) };
    subtest 'a stolen cookie of the application is worth nothing' => sub { check_stolen(\%how) }
        if $how{cookies};
    subtest 'a planted cookie of the application is worth nothing' => sub { check_planted(\%how) }
        if $how{cookies};
    subtest 'an upload of 10 MB' => sub { check_upload(\%how) } if $how{upload};
    subtest 'what is secret' => sub { check_secrecy(\%how) };
    return;
}

sub logged_in {
    my ($how) = @_;
    my $visitor = visitor($how->{servers}[1]);
    $how->{log_in}->($visitor);
    return $visitor;
}

sub check_login {
    my ($how) = @_;
    my ($postgres, $httpd) = @{ $how->{servers} };
    my $visitor = visitor($httpd);
    is $how->{who}->($visitor), '', 'a stranger is nobody';
    my $before = $visitor->clone;
    $how->{fail}->($visitor);
    is $how->{who}->($visitor), '', 'a wrong password lets nobody in';
    is sessions_of($how), 0, 'and nobody has a session';
    $how->{log_in}->($visitor);
    is $how->{who}->($visitor), $how->{user}, 'the right one does';
    is sessions_of($how), 1, 'and administrators see the session';
    is $how->{who}->($before), '', 'the token of before the login is worth nothing';
    my $copy = $visitor->clone;
    $how->{log_out}->($visitor);
    is $how->{who}->($visitor), '', 'after the logout nobody is there';
    is $how->{who}->($copy), '', 'not even with the token of before';
    is sessions_of($how), 0, 'administrators see no session any more';
    is $postgres->value(
        "select event from secsession.event where user_name = :'user' order by at desc limit 1",
        vars => { user => $how->{user} }
        ),
        'logout', 'but who reads the audit trail sees the logout';
    return;
}

sub check_idle {
    my ($how) = @_;
    my ($postgres, $httpd) = @{ $how->{servers} };
    my $visitor = logged_in($how);
    is $how->{who}->($visitor), $how->{user}, 'the user is in';
    $postgres->psql(
        "update secsession.session set last_seen_at = now() - interval '31 minutes'
            where user_name = :'user'
        and ended_at is null", vars => { user => $how->{user} }
    );
    Secsession::Test::has_heard($postgres);
    my $copy = $visitor->clone;
    is $how->{who}->($visitor), '', 'half an hour later the user is out, of the application, too';
    is $how->{who}->($copy), '', 'and stays out';
    $how->{log_in}->($visitor);
    is $how->{who}->($visitor), $how->{user}, 'until the next login';
    return;
}

sub check_revocation {
    my ($how) = @_;
    my ($postgres, $httpd) = @{ $how->{servers} };
    my @visitors = map { logged_in($how) } 1, 2;
    is $how->{who}->($_), $how->{user}, 'the user is in' for @visitors;
    cmp_ok $postgres->value("select secsession.revoke_user(:'user', 'test')",
        vars => { user => $how->{user} }), '>=', 2, 'one statement';
    Secsession::Test::has_heard($postgres);
    for my $visitor (@visitors) {
        my $copy = $visitor->clone;
        is $how->{who}->($visitor), '', 'and the user is out, of the application, too';
        is $how->{who}->($copy), '', 'and stays out';
    }
    is sessions_of($how), 0, 'no session is left';
    return;
}

# The application's cookies are known from what PHP was given. Where nothing keeps them from the
# browser, they are enough.
sub check_stolen {
    my ($how) = @_;
    my $visitor = logged_in($how);
    is $how->{who}->($visitor), $how->{user}, 'the user is in';
    my $stolen = ($how->{record}->asked)[-1]{server}{HTTP_COOKIE};
    like $stolen, qr/=/, 'the application has its cookies';
    is $how->{who}->(visitor($how->{bare})->bring($stolen)), $how->{user},
        'without us, who has them is that user';
    is $how->{who}->(visitor($how->{servers}[1])->bring($stolen)), '',
        'here, who brings them along is nobody';
    my $other = visitor($how->{servers}[1]);
    $how->{who}->($other);
    is $how->{who}->($other->clone->bring($stolen)), '', 'beside a session of nobody, too';
    is $how->{who}->($visitor), $how->{user}, 'and the user stays in';
    return;
}

# A stranger lets the application make cookies, and plants them in the browser of somebody who then
# logs in.
sub check_planted {
    my ($how) = @_;
    my $stranger = visitor($how->{servers}[1]);
    $how->{who}->($stranger) for 1, 2;
    my ($planted) = grep { defined && /=/ } map { $_->{server}{HTTP_COOKIE} }
        reverse $how->{record}->asked;
    my $victim = visitor($how->{servers}[1])->bring($planted);
    $how->{log_in}->($victim);
    is $how->{who}->($victim), $how->{user}, 'the user is in';
    is $how->{who}->($stranger), '', 'who planted the cookie is not';
    is $how->{who}->(visitor($how->{servers}[1])->bring($planted)), '', 'nor who brings it along';
    return;
}

sub check_upload {
    my ($how) = @_;
    my $visitor = logged_in($how);
    ok $how->{upload}->($visitor, 'x' x (10 << 20)), 'arrives whole';
    is $how->{who}->($visitor), $how->{user}, 'and the user is in';
    return;
}

sub check_secrecy {
    my ($how) = @_;
    my @foreign = grep { $how->{cookies} && $_ =~ $how->{cookies} } cookie_names();
    is_deeply \@foreign, [],
        'no answer out of ' . @answers . ' gave a cookie of the application away';
    my %ours = map { $_ => 1 } grep { /secsession/ } cookie_names();
    is_deeply [ keys %ours ], ['__Host-secsession'], 'each gave ours, if any';
    unlike $how->{servers}[1]->said, qr/\Q$_\E/, 'its token is not in the log' for keys %tokens;
    return unless $how->{record};
    my $given = $how->{record}->text;
    cmp_ok length $given, '>', 1000, 'what the application was given was written down';
    is scalar(grep { index($given, $_) >= 0 } keys %tokens), 0,
        'none of ' . keys(%tokens) . ' tokens was in it';
    unlike $given, qr/__Host-secsession/, 'nor the name of our cookie';
    return;
}

1;
