# SecSessionKeys: what only httpd has, and what the database, whoever can write into it and whoever
# calls its functions cannot do without it.
use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(scratch spew);
use Digest::SHA qw(hmac_sha256 sha256);
use MIME::Base64 qw(decode_base64url encode_base64url);

my $NAME = '__Host-secsession';
my ($ONE, $TWO) = ('1 ' . 'A' x 43 . '=', '2 ' . 'B' x 42 . 'A=');
my @FILES = (files => { 'static/page.html' => 'private', 'pub/page.html' => 'public' });

sub keys_file {
    my (@keys) = @_;
    return spew(scratch('keys') . '/keys', join("\n", @keys) . "\n", 0600);
}

# The main server has keys; at the other names are virtual hosts.
sub config_with {
    my ($keys, $more) = @_;
    return Secsession::Test::standard_config(
        config => ($keys ? qq(SecSessionKeys "$keys"\n) : '') . ($more // ''));
}

my ($postgres, $open) = start_servers(database => { log_statements => 1 });
my $KEYS = keys_file($ONE);
my $httpd = Secsession::Httpd->start(
    postgres => $postgres, @FILES, config => config_with($KEYS), vhosts => <<'CONFIG');
<VirtualHost 127.0.0.1:@PORT@>
    ServerName localhost
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT@>
    ServerName other.example
    SecSessionRealm other
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT@>
    ServerName twin.example
    SecSessionRealm localhost
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT@>
    ServerName renamed.example
    SecSessionRealm localhost
    SecSessionCookie renamed Insecure
</VirtualHost>
CONFIG

is scalar(() = $open->error_log =~ /SS313: .*SecSessionKeys/g), 1,
    'a server without keys says once what is missing';
is scalar(() = $httpd->error_log =~ /SS313/g), 0, 'one with keys does not';

my $alice = browser($httpd, 'alice');
my $token = $alice->token;

# The status of a page that needs a user, and how many statements there were.
sub look {
    my ($value, %opt) = @_;
    my $before = $postgres->statements(undef, qr/lookup|current_token/);
    my $response = $httpd->get('/static/page.html',
        headers => [ [ Cookie => ($opt{name} // $NAME) . "=$value" ] ],
        host => $opt{host} // $alice->authority);
    my $asked = $postgres->statements(undef, qr/lookup|current_token/) - $before;
    return join ' ', $response->status, $asked,
        grep { /Max-Age=0/ } $response->all_headers('Set-Cookie');
}

subtest 'a token has a tag' => sub {
    like $token, qr/\A[\w-]{64}\z/, 'of 21 characters more';
    is look($token), '200 1', 'it is looked up';
    is look($token), '200 0', 'once';
    is $postgres->of_token('user_name', substr $token, 0, 43), 'alice',
        'by the hash of what it is without the tag';
};

subtest 'a token that was made up costs no SQL' => sub {
    my $bytes = decode_base64url($token);
    my $guessed = sha256('guessed');
    my %forged = (
        'its first 43 characters' => substr($token, 0, 42) . 'A',
        'guessed, without a tag' => encode_base64url($guessed),
        'guessed, with the tag of another' => encode_base64url($guessed . substr $bytes, 32),
        'guessed, with a tag by no key' =>
            encode_base64url("$guessed\x01" . substr hmac_sha256($guessed, ''), 0, 15),
        'guessed, with a tag by the key itself' =>
            encode_base64url("$guessed\x01" . substr hmac_sha256($guessed, "\0" x 32), 0, 15),
        'the number of a key that is not there' =>
            encode_base64url(substr($bytes, 0, 32) . "\x02" . substr $bytes, 33),
        'one bit of the tag' => encode_base64url($bytes ^ "\0" x 47 . "\1"),
    );
    is look($forged{$_}), '401 0', $_ for sort keys %forged;
    is look("${token}A"), "401 0 $NAME=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0",
        'and what is no token is deleted';
    my ($one, $two) = @forged{ sort keys %forged };
    is look("$one; $NAME=$two"), '401 0', 'nor do two of them';
    is look("$one; $NAME=$token; $NAME=$two"), '200 1', 'nor beside a good one';
    is scalar(() = $httpd->error_log =~ /SS253: /g), 1, 'the log says it, once a minute';
    unlike $httpd->error_log, qr/\Q$token\E|\Q$forged{'guessed, without a tag'}\E/, 'without a token';
};

subtest 'a tag is good for one realm and one cookie' => sub {
    is look($token, host => 'twin.example'), '200 0', 'another host of the realm';
    is look($token, host => 'other.example'), '401 0', 'another realm';
    is look($token, host => 'renamed.example', name => 'renamed'), '401 0', 'another name';
    my $client = $alice->clone;
    is join(' ', map { $client->get('/static/page.html', keep_alive => 1, host => $_)->status }
            $alice->authority, 'other.example', $alice->authority, 'other.example'),
        '200 401 200 401', 'on one connection, too';
};

subtest 'who had a token before there were keys logs in again' => sub {
    my $bob = browser($open, 'bob');
    like $bob->token, qr/\A[\w-]{43}\z/, 'a token without a tag';
    is look($bob->token), '401 0', 'is refused';
    my $client = $httpd->client;
    $client->set_token($bob->token);
    is $client->login('bob', password_of('bob'))->status, 303, 'its user can log in';
    is look($client->token), '200 1', 'and is in';
    is $bob->get('/static/page.html')->status, 200, 'a server without keys is as it was';
    is $bob->set_token($client->token)->get('/static/page.html')->status, 401,
        'and does not know tokens with a tag';
};

# --- who can write into the database, or call its functions --------------------------------------

# What a row says is changed as an administrator of the database could, and told to the servers.
sub rewrite {
    my ($client, $set) = @_;
    my $id = $postgres->of_token('session_id', substr $client->token, 0, 43);
    $postgres->psql("update secsession.session
        set $set, last_seen_at = last_seen_at - interval '1 second' where session_id = '$id'");
    has_heard($postgres);
    return $id;
}

sub user_seen {
    my ($client) = @_;
    return environment_of($client->clone->get('/app/show'))->{REMOTE_USER} // 'nobody';
}

subtest 'whoever changes a row makes himself nobody' => sub {
    my %change = (
        'the user' => "user_name = 'alice'",
        'the session id' => "session_id = gen_random_uuid()",
        'how the user has authenticated' => "auth_method = 'basic'",
        'when the user has authenticated' =>
            "authenticated_at = authenticated_at + interval '2 seconds'",
        'the MAC, away' => 'mac = null',
        'the MAC, to one of another length' => q(mac = substr(mac, 1, 16)),
        'the MAC, to that of another session' =>
            q(mac = (select mac from secsession.session where user_name = 'alice' and mac is not null limit 1)),
        'the MAC, to one by no key' => q(mac = '\x02' || substr(mac, 2)),
    );
    for my $what (sort keys %change) {
        my $bob = browser($httpd, 'bob');
        is user_seen($bob), 'bob', "before: $what";
        rewrite($bob, $change{$what});
        is user_seen($bob), 'nobody', $what;
        is $bob->get('/static/page.html')->status, 401, 'and no page';
    }
    like $httpd->error_log, qr/SS120: session [0-9a-f-]{36} is refused/, 'the log says so';
    my $bob = browser($httpd, 'bob');
    rewrite($bob, "client_addr = '192.0.2.1', user_agent = 'another'");
    is user_seen($bob), 'bob', 'what does not say whose it is can be changed';
};

subtest 'nor does a row that was made up, or a token of the session of another' => sub {
    my ($bob, $alice) = (browser($httpd, 'bob'), browser($httpd, 'alice'));
    my %hash = map { $_->[0] => unpack 'H*', sha256(substr decode_base64url($_->[1]->token), 0, 32) }
        [ bob => $bob ], [ alice => $alice ];
    my ($id) = rewrite($bob, 'user_agent = null');
    my $victim = $postgres->of_token('session_id', substr $alice->token, 0, 43);
    $postgres->psql(<<"SQL");
update secsession.session set token_hash = sha256('x') where session_id = '$id';
insert into secsession.other_token (token_hash, session_id, offered_at, offered_grace, mac)
select '\\x$hash{bob}', session_id, now(), 10, mac from secsession.session
where session_id = '$victim';
SQL
    has_heard($postgres);
    is user_seen($bob), 'nobody', 'a token of his that is offered to her session';

    my $honest = browser($httpd, 'bob');
    my $hash = unpack 'H*', sha256(substr decode_base64url($honest->token), 0, 32);
    rewrite($honest, q(token_hash = sha256('y')));
    $postgres->psql(<<"SQL", user => 'httpd_web');
select secsession.authenticate(row('\\x$hash', null, 'localhost', 'alice', 'form',
    secsession.login_moment(), '192.0.2.1', null, 1000, 2000)::secsession.login);
select secsession.sign_session('\\x$hash', '\\x01' || substr(sha256('guessed'), 1, 16));
SQL
    has_heard($postgres);
    is user_seen($honest), 'nobody', 'a session that the web server\'s role has made for it';
    is $postgres->value(
        "select state from secsession.lookup('\\x$hash', 'localhost', 0, 0)",
        user => 'httpd_web'), 'live', 'though the database knows it';
};

subtest 'whoever continues a session is given only what was asked for' => sub {
    my $bob = browser($httpd, 'bob');
    my $id = rewrite($bob, "user_name = 'alice'");
    is $bob->login('alice', 'wrong')->status, 401, 'who changes the user of a session';
    is $bob->login('bob', password_of('bob'))->status, 303, 'and logs in';
    is user_seen($bob), 'bob', 'is who has logged in';
    isnt id_of($bob), $id, 'in another session';
    my $again = browser($httpd, 'bob');
    my $before = id_of($again);
    is $again->login('bob', password_of('bob'))->status, 303, 'who logs in again';
    is id_of($again), $before, 'goes on with the session, which was signed';
    is $again->login('alice', password_of('alice'))->status, 303, 'another user';
    isnt id_of($again), $before, 'has another session';
    is user_seen($again), 'alice', 'and is in';
};

subtest 'functions that answer something else than they were asked' => sub {
    $postgres->psql(<<'SQL');
create function public.lie() returns trigger language plpgsql as $$
begin
    new.user_name := 'alice';
    return new;
end
$$;
create trigger lie before insert on secsession.session for each row execute function public.lie();
SQL
    my $bob = $httpd->client;
    is $bob->login('bob', password_of('bob'))->status, 503, 'a login is refused';
    is user_seen($bob), 'nobody', 'and nobody is logged in';
    like $httpd->error_log, qr/SS121: /, 'the log says why';
    $postgres->psql('drop trigger lie on secsession.session; drop function public.lie()');
};

subtest 'administrators need no keys to end sessions' => sub {
    my $bob = browser($httpd, 'bob');
    is user_seen($bob), 'bob', 'who is in';
    is $postgres->value("select secsession.revoke_user('bob', 'x') > 0", user => 'admin_role'), 't',
        'is revoked';
    wait_until { user_seen($bob) eq 'nobody' } 'and out';
};

subtest 'keys are changed one after the other' => sub {
    my $with = sub {
        $httpd->reconfigure(config_with(keys_file(@_), "SecSessionRotateInterval 1s\n"));
        $httpd->restart;
    };
    my $number = sub { return ord substr decode_base64url($_[0]), 32, 1 };
    is $number->($alice->token), 1, 'the first key has made the tag';
    $with->($ONE, $TWO);
    is $alice->get('/static/page.html')->status, 200, 'a second is added';
    $with->($TWO, $ONE);
    my $old = $alice->clone;
    is $old->clone->get('/static/page.html')->status, 200, 'and comes first';
    wait_until { $alice->get('/static/page.html'); $number->($alice->token) == 2 }
        'the next token has a tag by it';
    is $alice->get('/static/page.html')->status, 200, 'the session goes on';
    is user_seen($old), 'alice', 'with the token before it, too, in its grace';
    is user_seen($alice), 'alice', 'with her name, which is signed';
    $with->($TWO);
    is $alice->get('/static/page.html')->status, 200, 'also without the old key';
    is look($token), '401 0', 'by which nothing is accepted any more';
};

done_testing;
