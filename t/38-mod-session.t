# httpd's own mod_session, and mod_auth_form on top of it, with our sessions below: logins, and how
# they end.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::ModSession;
use Secsession::Process 'slurp';
use Secsession::Psql;

my ($postgres, $httpd) = start_mod_session();

sub count { return $postgres->count(@_) }
sub of_token { return $postgres->of_token(@_) }

subtest 'who passes by costs no row and no SQL' => sub {
    my $rows = count('session');
    my $asked = $postgres->statements('httpd_web',
        qr/login_moment|lookup|vault|begin_session|authenticate/);
    is browser($httpd)->get('/env/show')->status, 200, 'a page with a session is served';
    is browser($httpd)->get('/form/show')->status, 302, 'a protected page sends to the login form';
    is browser($httpd)->get('/aged/show')->status, 401, 'or answers 401';
    is count('session'), $rows, 'no session was made';
    is $postgres->statements('httpd_web', qr/login_moment|lookup|vault|begin_session|authenticate/),
        $asked, 'and no SQL';
};

subtest 'a login with mod_auth_form' => sub {
    my $alice = browser($httpd);
    my $response = logs_in($alice, 'alice');
    is $response->status, 302, 'the handler sends on';
    like $response->cookie('__Host-secsession'), qr/\A__Host-secsession=[\w-]{43}; .*HttpOnly/,
        'with a cookie of ours';
    is scalar($response->all_headers('Set-Cookie')), 1, 'and no other';
    is user_seen($alice->get('/form/show')), 'alice', 'alice is logged in';
    is user_seen($alice->get('/form/show')), 'alice', 'and stays so' for 1 .. 3;
    is of_token('user_name', $alice->token), 'alice', 'the database has the hash of the token';
    is of_token('auth_method', $alice->token), 'form', 'and how she logged in';
    is $alice->get('/app/show')->status, 200, 'it is a session like any other';
    my $inline = browser($httpd);
    is user_seen(logs_in($inline, 'bob', '/form/show')), 'bob',
        'a login at the page itself shows the page';
    is user_seen($inline->get('/form/show')), 'bob', 'and lasts';
};

subtest 'a wrong password is nobody\'s session' => sub {
    my $rows = count('session');
    for my $path (qw(/do-login /form/show /aged/show)) {
        my $mallory = browser($httpd);
        my $response = $mallory->post_form($path, credentials('alice', 'guess'));
        like $response->status, qr/^(?:302|401)$/, "$path: refused";
        is $mallory->token, undef, "$path: no cookie";
        my $bob = form_browser('bob');
        $bob->post_form($path, credentials('alice', 'guess'));
        $bob->get($path);
        is environment_of($bob->get('/app/show'))->{REMOTE_USER}, 'bob',
            "$path: who is logged in stays who he is";
        $rows++;
    }
    is count('session'), $rows, 'no other session was made';
};

subtest 'a token from before the login is worth nothing after it' => sub {
    my $mallory = browser($httpd);
    keeps($mallory, 'colour=red');
    like kept_in($mallory), qr/colour=red/, 'what a visitor keeps comes back';
    my $planted = $mallory->token;
    is of_token('user_name is null', $planted), 't',
        'a session of nobody exists, since something is kept';
    my $alice = browser($httpd)->set_token($planted);
    like kept_in($alice), qr/colour=red/, 'alice has it, too';
    is logs_in($alice, 'alice')->status, 302, 'alice logs in with it';
    isnt $alice->token, $planted, 'her token is new';
    like kept_in($alice), qr/colour=red/, 'what was kept is still there';
    is $mallory->get('/form/show')->status, 302, 'the old token does not let in';
    unlike kept_in($mallory), qr/alice/, 'and shows nothing of hers';
    my $before = $alice->token;
    is logs_in($alice, 'alice')->status, 302, 'she logs in once more';
    isnt $alice->token, $before, 'with a new token again';
};

subtest 'reading costs no SQL' => sub {
    my $alice = form_browser('alice');
    $alice->get($_) for ('/form/show') x 2, '/aged/show';
    my $pattern = qr/lookup|vault_of|keep_cookies|login_moment|begin_session|authenticate/;
    my $asked = sub { return $postgres->statements('httpd_web', $pattern) };
    wait_until {
        my $before = $asked->();
        my @pages = ('/form/show', '/aged/show') x 5;
        is scalar(grep { $alice->get($_)->status != 200 } @pages), 0, 'ten pages';
        $asked->() == $before;
    } 'cost no statement, as soon as the news of the login have been heard';
};

subtest 'mod_session\'s own SessionMaxAge ends a login, and another one begins' => sub {
    my $alice = browser($httpd);
    is user_seen(logs_in($alice, 'alice', '/aged/show')), 'alice', 'logged in';
    my ($expiry) = kept_in($alice) =~ /expiry=(\d+)/;
    ok $expiry, 'with an expiry';
    keeps($alice, 'expiry=' . (time + 2) . '000000');
    wait_until { $alice->clone->get('/form/show')->status == 302 } 'it expires';
    is $alice->get('/app/show')->status, 200, 'which ends what mod_session keeps, not the session';
    is user_seen(logs_in($alice, 'alice', '/aged/show')), 'alice', 'alice logs in again';
    is user_seen($alice->get('/aged/show')), 'alice', 'and that lasts';
};

subtest 'sessions end as all of ours do, with what they held' => sub {
    my %ending = (
        'a revocation' => sub { $postgres->psql("select secsession.revoke_user('alice', 'test')") },
        'the idle timeout' => sub {
            $postgres->psql("update secsession.session set last_seen_at = now() - interval '1 h'");
        },
        'the absolute timeout' => sub {
            $postgres->psql("update secsession.session set expires_at = now() - interval '1 s'");
        },
        'our logout' => sub { $_[0]->clone->logout },
    );
    for my $end (sort keys %ending) {
        my $alice = form_browser('alice');
        keeps($alice, 'staff-user=alice&staff-pw=correct+horse&colour=red');
        is $alice->get('/form/show')->status, 200, "$end: before, she is in";
        $ending{$end}->($alice);
        has_heard($postgres);
        my $response = $alice->clone->get('/form/show');
        is $response->status, 302, "$end: the login form";
        like $response->cookie('__Host-secsession'), qr/Max-Age=0/, "$end: the cookie is deleted";
        is kept_in($alice->clone), '', "$end: nothing is left of what was kept";
        is logs_in($alice, 'alice')->status, 302, "$end: she can log in again";
        is user_seen($alice->get('/form/show')), 'alice', "$end: and is in";
        unlike kept_in($alice), qr/colour/, "$end: without what was kept before";
    }
};

subtest 'a location with a shorter timeout does not see what is kept' => sub {
    my $alice = form_browser('alice');
    is $alice->get('/short/show')->status, 200, 'in time';
    $postgres->psql(
        "update secsession.session set last_seen_at = now() - interval '10 minutes' where ended_at "
            . "is null"
    );
    has_heard($postgres);
    is $alice->get('/short/show')->status, 302, 'too late';
    is $alice->get('/form/show')->status, 200, 'but not elsewhere';
};

subtest 'mod_auth_form\'s logout ends the session' => sub {
    my $alice = form_browser('alice');
    my $other = $alice->clone;
    my $response = $alice->post_form('/do-logout', {});
    is $response->status, 307, 'the handler sends on';
    like $response->cookie('__Host-secsession'), qr/Max-Age=0/, 'the cookie is deleted';
    is of_token('end_reason', $other->token), 'logout', 'the session has ended in the database';
    is $other->get('/form/show')->status, 302, 'its token does not let in any more';
    is $other->get('/app/show')->status, 401, 'nor elsewhere';
    is browser($httpd)->get('/do-logout')->status, 307, 'a logout without a session is harmless';
};

subtest 'one session is one user' => sub {
    my $alice = form_browser('alice');
    my $old = $alice->clone;
    keeps($alice, 'colour=red');
    is user_seen(logs_in($alice, 'bob', '/admin/show')), 'bob',
        'bob logs in elsewhere in alice\'s browser';
    is user_seen($alice->get('/admin/show')), 'bob', 'and is in there';
    is $alice->get('/form/show')->status, 302, 'alice is not';
    is of_token('end_reason', $old->token), 'logout', 'her session has ended';
    unlike kept_in($alice), qr/alice|colour/, 'nothing of hers is kept in his';
    is $alice->get('/form/show')->status, 302, 'still not';
    keeps($alice, 'shape=round');
    my $response = $alice->get('/basic/show', headers => [ basic_header('alice') ]);
    is user_seen($response), 'alice', 'alice comes back with Basic';
    unlike environment_of($response)->{HTTP_SESSION} // '', qr/bob|shape/,
        'and sees nothing of his';
    unlike kept_in($alice), qr/bob|shape/, 'nor is it kept in hers';
};

# The password is being looked for in a table that we hold.
sub is_waiting {
    return $postgres->value(
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query ~ "
            . "'app_user'"
    );
}

subtest 'a revocation while mod_auth_form checks the password refuses the login' => sub {
    my ($hash) = slurp(Secsession::ModSession::users()) =~ /^alice:(.*)$/m;
    $postgres->psql(<<'SQL', vars => { hash => $hash });
create table app_user (name text primary key, password text not null);
insert into app_user values ('alice', :'hash');
grant select on app_user to httpd_web;
SQL
    for my $path (qw(/by-database/show /do-login-by-database)) {
        my $alice = browser($httpd);
        my $psql = Secsession::Psql->new($postgres);
        $psql->run('begin; lock table app_user in access exclusive mode;');
        my $request = $alice->start_request('POST', $path,
            body => 'httpd_username=alice&httpd_password=correct+horse',
            headers => [ [ 'Content-Type' => 'application/x-www-form-urlencoded' ] ]);
        wait_until { is_waiting() } "$path: the password is being checked";
        $postgres->psql("select secsession.revoke_user('alice', 'test')");
        $psql->run('commit;');
        $psql->close;
        my $response = $request->finish;
        is $response->status, 403, "$path: refused";
        unlike $response->body, qr/REMOTE_USER/, "$path: nothing is shown";
        is $alice->token, undef, "$path: no session";
        is user_seen(logs_in($alice, 'alice', '/by-database/show')), 'alice',
            "$path: who tries again is in";
    }
};

subtest 'after a graceful restart' => sub {
    my $alice = form_browser('alice');
    $httpd->graceful for 1 .. 2;
    is user_seen($alice->get('/form/show')), 'alice', 'alice is still logged in';
    is user_seen(form_browser('bob')->get('/form/show')), 'bob', 'and bob can log in';
};

subtest 'the database is away' => sub {
    my $alice = form_browser('alice');
    my $anonymous = browser($httpd);
    keeps($anonymous, 'colour=red');
    $postgres->stop('fast');
    lease_ends { $alice->get('/form/show') } 'the lease ends';
    for my $case ([ 'who is logged in', $alice, '/form/show' ], [ 'who has something', $anonymous,
        '/env/show' ],
        [ 'a logout', $alice, '/do-logout' ]) {
        my ($name, $client, $path) = @$case;
        my $response = $client->get($path);
        is $response->status, 503, "$name: 503";
        ok $response->header('Retry-After'), "$name: try again later";
        is scalar($response->all_headers('Set-Cookie')), 0, "$name: the cookie stays";
    }
    for my $path (qw(/do-login /form/show)) {
        my $bob = browser($httpd);
        my $response = logs_in($bob, 'bob', $path);
        is $response->status, 503, "$path: a login gets 503";
        unlike $response->body, qr/REMOTE_USER/, "$path: and sees no page";
        is $bob->token, undef, "$path: no cookie";
    }
    is browser($httpd)->get('/env/show')->status, 200,
        'who has no session is served where none is needed';
    $postgres->start_again;
    is user_seen($alice->get('/form/show')), 'alice', 'when it is back, alice is still logged in';
    like kept_in($anonymous), qr/colour=red/, 'and nothing is lost';
};

done_testing;
