# What applications have httpd's own mod_session keep is in our sessions: whole, theirs alone, and
# only as long as those last.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::ModSession;
use Secsession::Process qw(scratch spew);
use Secsession::Programs 'answering';

my ($postgres, $httpd) = start_mod_session();

sub count { return $postgres->count(@_) }
sub of_token { return $postgres->of_token(@_) }

subtest 'a slow request does not bring an ended session back' => sub {
    my $alice = form_browser('alice');
    my $slow = $alice->clone;
    keeps($alice, 'colour=red');
    my $id = of_token('session_id', $alice->token);
    my $request = $slow->start_request('GET', '/kept/keeper');
    ok $httpd->slow_started('keeper'), 'a request is under way';
    $postgres->psql("select secsession.revoke_user('alice', 'test')");
    has_heard($postgres);
    $httpd->let_go('keeper');
    is $request->finish->status, 401, 'it ends, has something kept, and is not answered any more';
    unlike $postgres->value(
        "select string_agg(encode(value, 'escape'), ' ') from secsession.vault where session_id = "
            . "'$id'"
        ), qr/blue/,
        'which it is not';
    is $postgres->value("select end_reason from secsession.session where session_id = '$id'"),
        'revoked', 'nor has the session changed';
    is $alice->clone->get('/form/show')->status, 302, 'the session is still revoked';
    is $slow->get('/form/show')->status, 302, 'also for the browser that was waiting';
};

subtest 'what was under way when the token changed leaves the new one alone' => sub {
    my $alice = browser($httpd);
    keeps($alice, 'colour=red');
    my $late = $alice->clone;
    logs_in($alice, 'alice');
    my $rows = count('session');
    my $response = keeps($late, 'colour=blue');
    is $response->status, 200, 'served';
    is $response->cookie('__Host-secsession'), undef, 'without a cookie';
    is count('session'), $rows, 'and no other session';
    like kept_in($alice), qr/colour=red/, 'what alice has is as it was';
    unlink glob $httpd->folder . '/state/keeper.*';
    my $planter = browser($httpd);
    keeps($planter, 'colour=red');
    my $victim = $planter->clone;
    my $slow = $planter->start_request('GET', '/kept/keeper');
    ok $httpd->slow_started('keeper'), 'a request with a planted token is under way';
    logs_in($victim, 'alice');
    $httpd->let_go('keeper');
    is $slow->finish->status, 200, 'it ends when its victim has logged in, and has something kept';
    like kept_in($victim), qr/colour=red/, 'which is not kept for her';
};

subtest 'what is kept for a visitor' => sub {
    my $rows = count('session');
    keeps(browser($httpd), 'colour=red') for 1 .. 3;
    is count('session'), $rows, 'makes no row before a cookie has come back';
    my $visitor = browser($httpd);
    keeps($visitor, 'colour=red');
    my $copy = $visitor->clone;
    like kept_in($visitor), qr/colour=red/, 'then it is there';
    like kept_in($copy), qr/colour=red/, 'however often';
    is count('session'), $rows + 1, 'in one session';
};

subtest 'nobody is logged in by what an application writes' => sub {
    my $mallory = browser($httpd);
    keeps($mallory, 'staff-user=alice&staff-pw=correct+horse&colour=red');
    like kept_in($mallory), qr/colour=red/, 'what it writes is kept';
    unlike kept_in($mallory), qr/alice|horse/, 'but no credentials';
    is $mallory->get('/form/show')->status, 302, 'it does not let in';
    like $httpd->error_log, qr/SS235: .*SessionHeader/, 'the log says why';
    my $bob = form_browser('bob');
    keeps($bob, 'staff-user=alice&staff-pw=correct+horse');
    is $bob->get('/form/show')->status, 302,
        'and who was logged in is logged out rather than somebody else';
};

subtest 'what does not fit is not kept in part' => sub {
    my $client = browser($httpd);
    keeps($client, 'colour=red');
    my $response = keeps($client, 'a=' . 'x' x 2000);
    is $response->status, 200, '2 kB fit';
    $response = $client->post('/kept/headers?X-Replace:%20b=' . 'x' x 7500, '');
    is $response->status, 200, 'more fit, too';
    $response = $client->post('/kept/headers?X-Replace:%20c=' . '%3C' x 2600, '');
    is $response->status, 500, 'more than 16 KiB do not';
    unlike $response->body, qr/answered/, 'and nobody is told that it was done';
    like kept_in($client), qr/colour=red/, 'what was kept before can be read';
    unlike kept_in($client), qr/c=</, 'and what came last is not there';
    like $httpd->error_log, qr/SS232: /, 'the log says why';
};

subtest 'two at once: the last one is kept whole' => sub {
    my $client = browser($httpd);
    keeps($client, 'n=0');
    my @running = map { $client->start_request('GET', "/kept/headers?X-Replace:%20n=$_") } 1 .. 8;
    is $_->finish->status, 200, 'served' for @running;
    like kept_in($client), qr/n=[1-8]\b/, 'one of them';
};

subtest 'applications and mod_auth_form share a session of the login page' => sub {
    my $alice = browser($httpd, 'alice');
    keeps($alice, 'colour=red');
    like kept_in($alice), qr/colour=red/, 'what is kept is in alice\'s session';
    is logs_in($alice, 'alice')->status, 302, 'she logs in with mod_auth_form as well';
    like kept_in($alice), qr/colour=red/, 'her session goes on';
    keeps($alice, 'staff-user=&staff-pw=');
    is $alice->get('/app/show')->status, 401,
        'an application that takes the credentials away logs her out';
};

subtest 'beside httpd\'s own stores' => sub {
    my $fields = '/headers?X-Replace:%20colour=green';
    my $ours = browser($httpd);
    is_deeply [ sort keys %{ $ours->jar } ], [], 'nothing yet';
    $ours->get("/cookie$fields");
    is_deeply [ sort keys %{ $ours->jar } ], ['__Host-secsession'],
        'where SecSession is On, ours is used';
    my $theirs = browser($httpd);
    $theirs->get("/other$fields");
    is_deeply [ sort keys %{ $theirs->jar } ], ['theirs'], 'where it is Off, theirs';
    like environment_of($theirs->get('/other/show'))->{HTTP_SESSION}, qr/colour=green/,
        'which works';
    my $both = browser($httpd);
    $both->get("/crypto$fields");
    like environment_of($both->get('/crypto/show'))->{HTTP_SESSION}, qr/colour=green/,
        'mod_session_crypto may be above ours';
    is environment_of($both->get('/env/show'))->{HTTP_SESSION} // '', '',
        'and keeps what it keeps to itself';
};

subtest 'a client without cookies has what is kept, where its session is found' => sub {
    my $keys = spew(scratch('keys') . '/keys', '1 ' . 'A' x 43 . "=\n", 0600);
    my $found = Secsession::Httpd->start(postgres => $postgres,
        modules => \@Secsession::ModSession::MODULES,
        config => "SecSession On\nSecSessionKeys $keys\n" . Secsession::ModSession::config()
            . qq(<Location "/basic/">\n    SessionHeader X-Replace\n</Location>\n));
    my $ask = sub { return $found->get($_[0], headers => [ basic_header($_[1] // 'alice') ]) };
    my $kept = sub { return environment_of($ask->('/basic/show', @_))->{HTTP_SESSION} // '' };
    is $kept->(), '', 'nothing at first';
    $ask->(answering('basic', 'X-Replace: colour=red'));
    like $kept->(), qr/colour=red/, 'the next request has it';
    like $kept->(), qr/colour=red/, 'and the one after that';
    $ask->(answering('basic', 'X-Replace: colour=blue'));
    like $kept->(), qr/colour=blue/, 'it can be changed';
    is $kept->('bob'), '', 'and is nobody else\'s';
};

subtest 'the password cannot be read in the database, where there are keys' => sub {
    my $keys = spew(scratch('keys') . '/keys', '1 ' . 'A' x 43 . "=\n", 0600);
    my $sealed = Secsession::Httpd->start(postgres => $postgres,
        modules => \@Secsession::ModSession::MODULES,
        config => "SecSession On\nSecSessionKeys $keys\n" . Secsession::ModSession::config());
    my $has_password = sub {
        my ($id) = of_token('session_id', $_[0]->token);
        my $kept = $postgres->value(
            "select string_agg(encode(value, 'hex'), ' ') from secsession.vault
            where session_id = '$id'"
        );
        die "nothing is kept\n" unless $kept;
        return index($kept, unpack 'H*', 'correct') >= 0;
    };
    ok $has_password->(form_browser('alice')), 'it can where there are none';
    my $alice = $sealed->client;
    is logs_in($alice, 'alice')->status, 302, 'alice logs in';
    is user_seen($alice->get('/form/show')), 'alice', 'and is in';
    ok !$has_password->($alice), 'the database has it, sealed';
};

done_testing;
