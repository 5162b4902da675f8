# SecSessionLoginTry: whoever knows one password cannot have the application let in one user and us
# another, by names in other forms, in other requests, or at the same time; and nobody tries a name
# in the browser of somebody else. The application here is the best that an attacker could wish for:
# it takes any name, and lets anybody in, whenever it is asked to.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Programs qw(answering encoded);

my $TAKE = 'X-Take: 1';
my $IN = 'X-In: 1';
my ($postgres, $httpd) = start_servers(
    children => 2, threads => 8, database => { log_statements => 1 },
    cgi => {
        wait => <<'PERL',
my ($name, $fields) = $ENV{QUERY_STRING} =~ /^(\w+)=(.*)/;
read STDIN, my $body, $ENV{CONTENT_LENGTH} || 0;
open my $started, '>', "$state/$name.started" or die;
close $started;
my $end = time + 30;
select undef, undef, undef, 0.01 until -e "$state/$name.go" || time > $end;
print $fields =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ger, "\nContent-Type: text/plain\n\nhello\n";
PERL
    },
    config => <<'CONFIG',
<LocationMatch "^/(?:two|open|bare)/">
    SecSessionLoginTry  "resp('X-Take') == '1'" field=user
    SecSessionLoginWhen "resp('X-In') == '1'" user=try
</LocationMatch>
<LocationMatch "^/(?:two|open)/">
    SecSessionVault ID
</LocationMatch>
<Location "/open/">
    SecSessionGuard Off
</Location>
ScriptAliasMatch "^/(?:two|open|bare)/(headers|show|wait)(.*)$" "@FOLDER@/cgi-bin/$1$2"
CONFIG
);
my $FORM = [ 'Content-Type' => 'application/x-www-form-urlencoded' ];
my @EVIL = ([ 'Sec-Fetch-Site' => 'cross-site' ], [ Origin => 'https://evil.example' ]);

sub user_of { return environment_of($_[0]->clone->get('/app/show'))->{REMOTE_USER} // '' }

sub post {
    my ($client, $path, $body, @headers) = @_;
    return $client->post($path, $body, headers => [ $FORM, @headers ]);
}
sub try_as { return post($_[0], answering('two', $TAKE), "user=$_[1]", @_[ 2 .. $#_ ]) }
sub confirm { return $_[0]->get(answering('two', $IN)) }

# Who is in after a response that lets somebody in; its status if that is an error.
sub let_in {
    my ($client) = @_;
    my $status = confirm($client)->status;
    return $status == 200 ? user_of($client) : "$status " . user_of($client);
}
sub visitor {
    my $client = $httpd->client;
    $client->get(answering('two', 'Set-Cookie: ID=1'));
    return $client;
}

subtest 'nobody is let in without a name of their own' => sub {
    is let_in($httpd->client), '502 ', 'a visitor';
    is let_in(visitor()), '502 ', 'a visitor with a session';
    my ($one, $other) = (visitor(), visitor());
    try_as($one, 'alice');
    is let_in($other), '502 ', 'another browser';
    is let_in($one), 'alice', 'only the one in which it was tried';
    my $alice = browser($httpd, 'alice');
    is let_in($alice), 'alice', 'who is in already stays who it is';
};

my %none = (
    'by a link' => sub { $_[0]->get(answering('two', $TAKE) . '&user=mallory') },
    'without a name' => sub { post($_[0], answering('two', $TAKE), 'name=mallory') },
    'with two names' => sub { post($_[0], answering('two', $TAKE), 'user=a&user=mallory') },
    'with another in the query' =>
        sub { post($_[0], answering('two', $TAKE) . '&user=a', 'user=mallory') },
    'by a page of another site' => sub { try_as($_[0], 'mallory', @EVIL) },
    'by a page of another site where that is allowed' =>
        sub { post($_[0], answering('open', $TAKE), 'user=mallory', @EVIL) },
    'that the application has not taken' =>
        sub { post($_[0], answering('two', 'X-Take: 0'), 'user=mallory') },
    'without the vault' => sub { post($_[0], answering('bare', $TAKE), 'user=mallory') },
    'by another method' =>
        sub { $_[0]->request('PUT', answering('two', $TAKE), body => 'user=mallory',
            headers => [$FORM]) },
);
subtest 'no name is tried' => sub {
    for my $how (sort keys %none) {
        for my $client ($httpd->client, visitor()) {
            my $kind = $client->token ? 'a session' : 'no session';
            $none{$how}->($client);
            is let_in($client), '502 ', "$how: with $kind";
        }
    }
    like $httpd->error_log, qr/SS289: .*SecSessionVault/, 'the log says what is missing';
};

# The application may have taken the second name for its own all the same.
subtest 'a name that may have been changed since is none' => sub {
    for my $how (sort grep { !/another site$|vault/ } keys %none) {
        my $client = visitor();
        try_as($client, 'alice');
        $none{$how}->($client);
        is let_in($client), '502 ', $how;
        try_as($client, 'bob');
        is let_in($client), 'bob', "$how: the next one counts";
    }
    my $client = visitor();
    try_as($client, 'alice');
    post($client, answering('two', 'X-Take: 0'), 'password=wrong');
    $client->get(answering('two', 'X-Page: 1'));
    try_as($client, 'mallory', @EVIL);
    is let_in($client), 'alice', 'a form without a name, a page, and a form that was refused are no '
        . 'change';
};

# A request whose program waits; it has started when this returns.
my $number = 0;

sub begin_slowly {
    my ($client, $field, $body) = @_;
    my $name = 'slow' . ++$number;
    my $request = $client->start_request('POST', "/two/wait?$name=" . encoded($field),
        headers => [$FORM], body => $body);
    $httpd->slow_started($name) or die 'no program';
    return sub { $httpd->let_go($name); return $request->finish };
}

subtest 'two names at the same time are none' => sub {
    my $client = visitor();
    try_as($client, 'alice');
    my $finish = begin_slowly($client->clone, $TAKE, 'user=mallory');
    is let_in($client), '502 ', 'while another is being taken';
    $finish->();
    is let_in($client), 'mallory', 'the last one is the one';
    $client = visitor();
    $finish = begin_slowly($client->clone, $TAKE, 'user=mallory');
    try_as($client, 'alice');
    $finish->();
    is let_in($client), '502 ', 'if nobody knows which was the last';
    $client = visitor();
    try_as($client, 'mallory');
    $finish = begin_slowly($client->clone, $IN, 'password=1');
    try_as($client, 'alice');
    is $finish->()->status, 502, 'if the name changes while a password is checked';
    is user_of($client), '', 'nobody is in';
    is let_in($client), 'alice', 'and the name of now is good';
    like $httpd->error_log, qr/SS290: .*another name was tried/, 'the log says why';
};

subtest 'a database that gives no answer makes no name' => sub {
    my $client = visitor();
    try_as($client, 'alice');
    $postgres->psql('revoke execute on function secsession.keep_cookies from secsession_httpd');
    is try_as($client, 'mallory')->status, 503, 'the application never sees it';
    $postgres->psql('grant execute on function secsession.keep_cookies to secsession_httpd');
    is let_in($client), 'alice', 'and the name before it is good';
};

subtest 'pages without a form cost no SQL' => sub {
    my $client = visitor();
    try_as($client, 'alice');
    confirm($client);
    my $page = answering('two', 'X-Page: 1');
    has_heard($postgres);
    $client->get($page);
    my $before = $postgres->asked_by_requests;
    $client->get($page) for 1 .. 10;
    is $postgres->asked_by_requests - $before, 0, 'ten of them';
};

done_testing;
