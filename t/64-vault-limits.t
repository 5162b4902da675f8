# What a backend or visitors without cookies can cost where there is a vault: not more work than
# there are cookies, no row in the audit trail, and no session that stays.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Programs 'answering';
use Secsession::Process qw(free_port scratch spawn spew await);
use IO::Socket::INET;

my $BACKEND = <<'PERL';
use strict; use warnings; use IO::Socket::INET;
$SIG{CHLD} = 'IGNORE';
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0], Listen => 50, ReuseAddr => 1) or die "listen: $!";
my %FIELDS = (
    many => sub { "Set-Cookie: APPID$_=$_; path=/\r\n" },
    turns => sub { "Set-Cookie: APPID$_=$_; path=/\r\nSet-Cookie: APPID$_=; path=/; Max-Age=0\r\n" },
    wrong => sub { "Set-Cookie: APPID$_=$_; Domain=elsewhere.example\r\n" },
    same => sub { 'Set-Cookie: APPID=' . $_ % 2 . "; path=/\r\n" },
    words => sub { "SecSession-Nonsense: $_\r\n" },
);
while (my $c = $server->accept) {
    next if fork;
    my $head = '';
    while ($head !~ /\r\n\r\n/) { sysread($c, $head, 4096, length $head) or exit }
    my ($kind, $count) = $head =~ m{^\S+ \S*?/(\w+)\?(\d+)} or exit;
    print $c "HTTP/1.1 200 OK\r\nConnection: close\r\n", map({ $FIELDS{$kind}->() } 1 .. $count), "\r\nbody";
    exit;
}
PERL
my $port = free_port();
my $program = spew(scratch('backend') . '/backend.pl', $BACKEND, 0644);
spawn(command => [ $^X, $program, $port ], log => scratch('backend') . '/log');
await { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }
    or die 'the backend does not start';

my ($postgres, $httpd) = start_servers(
    children => 2, threads => 8, database => { log_statements => 1 },
    modules => [qw(proxy proxy_http)], config => <<"CONFIG");
<LocationMatch "^/(b|v)/">
    SecSessionVault APPID*
    SecSessionAppLogin On
</LocationMatch>
ProxyPass "/b/" "http://127.0.0.1:$port/"
ScriptAliasMatch "^/v/(headers|show)(.*)\$" "\@FOLDER\@/cgi-bin/\$1\$2"
CONFIG

sub value { return $postgres->value(@_) }
sub sessions { return value('select count(*) from secsession.session where expires_at > now()') }
sub events { return value('select count(*) from secsession.event') }

subtest 'a backend that sets very many cookies' => sub {
    for my $kind (qw(many turns wrong)) {
        is $httpd->get("/b/$kind?80000", timeout => 120)->status, 502, "$kind: is refused";
    }
    is $httpd->get('/b/words?80000', timeout => 120)->status, 502, 'as are very many words';
    cmp_ok scalar(() = $httpd->error_log =~ /SS2(?:12|16|17|68):/g), '<=', 3 * 200 + 10,
        'and the log is not filled';
    like $httpd->error_log, qr/SS268: the response of \S+ sets more than 200 cookies/,
        'it says why';
    my $client = $httpd->client;
    is $client->get('/b/same?150')->status, 200, 'an application may set a cookie again and again';
    is environment_of($client->get('/v/show'))->{HTTP_COOKIE}, 'APPID=0', 'the last one counts';
    is $client->get('/b/turns?100')->status, 200, 'or set and remove a hundred';
};

subtest 'visitors without cookies' => sub {
    my ($rows, $trail) = (sessions(), events());
    my @fields = map { $httpd->get(answering('v', 'Set-Cookie: APPID=s3cret; path=/'))->cookie('__Host-secsession') } 1 .. 5;
    is sessions(), $rows, 'make no row where there are no SecSessionKeys either';
    unlike join(' ', @fields), qr/s3cret|APPID/, 'what the browser keeps in its place says nothing';
    is events(), $trail, 'and nothing is recorded';
};

# What only another server of the site could open: the session begins with what comes then.
subtest 'a visitor who comes from another server, or from before a restart' => sub {
    my $config = Secsession::Test::standard_config(config => <<"CONFIG");
<LocationMatch "^/v/">
    SecSessionVault APPID*
</LocationMatch>
ScriptAliasMatch "^/v/(headers|show)(.*)\$" "\@FOLDER\@/cgi-bin/\$1\$2"
CONFIG
    my $other = Secsession::Httpd->start(postgres => $postgres, config => $config, files => {});
    my $visitor = $other->client;
    $visitor->get(answering('v', 'Set-Cookie: APPID=elsewhere; path=/'));
    my $client = $httpd->client->set_token($visitor->token);
    my $rows = sessions();
    is environment_of($client->get('/v/show'))->{HTTP_COOKIE}, undef, 'brings nothing along';
    is sessions(), $rows, 'and makes no row by that';
    $client->get(answering('v', 'Set-Cookie: APPID=here; path=/'));
    is sessions(), $rows + 1, 'but has a session as soon as something is to be kept';
    for my $server ($httpd, $other) {
        is environment_of($server->client->set_token($client->token)->get('/v/show'))->{HTTP_COOKIE},
            'APPID=here', 'which all servers know';
    }
    $visitor = $other->client;
    $visitor->get(answering('v', 'Set-Cookie: APPID=before; path=/'));
    $other->graceful;
    is environment_of($visitor->get('/v/show'))->{HTTP_COOKIE}, 'APPID=before',
        'a graceful restart loses nothing';
};

sub begun {
    my $client = $httpd->client;
    $client->get($_) for answering('v', 'Set-Cookie: APPID=x; path=/'), '/v/show';
    return ($client, value('select session_id from secsession.session order by created_at desc limit 1'));
}

sub events_of {
    return value("select string_agg(event, ' ' order by at, event_id) from secsession.event
        where session_id = :'id'", vars => { id => $_[0] }) // '';
}

subtest 'a session of nobody' => sub {
    my ($client, $id) = begun();
    $client->logout;
    is value("select end_reason from secsession.session where session_id = :'id'",
        vars => { id => $id }), 'logout', 'ends by a logout';
    is events_of($id), '', 'of which nothing is recorded';
    ($client, $id) = begun();
    $postgres->psql("select secsession.revoke_session(:'id', 'test')", vars => { id => $id });
    is events_of($id), 'revoked', 'what an administrator does is recorded';
    ($client, $id) = begun();
    $client->login('alice', password_of('alice'));
    is events_of($id), 'created authenticated', 'and a login is, as if the session began with it';
    is environment_of($client->get('/v/show'))->{HTTP_COOKIE}, 'APPID=x', 'which takes the vault along';
    is value("select expires_at - authenticated_at from secsession.session where session_id = :'id'",
        vars => { id => $id }), '08:00:00', 'and lasts as long as any';
};

subtest 'it is removed at its idle end' => sub {
    my ($client, $id) = begun();
    my $there = sub { value("select count(*) from secsession.session where session_id = :'id'",
        vars => { id => $id }) };
    my $age = sub {
        $postgres->psql("update secsession.session set authenticated_at = authenticated_at - :'by'::interval,
            last_seen_at = last_seen_at - :'by'::interval, expires_at = expires_at - :'by'::interval
            where session_id = :'id'", vars => { id => $id, by => $_[0] });
    };
    $age->('20 min');
    $client->get('/v/show');
    $age->('20 min');
    $postgres->psql('select secsession.purge(100)');
    is $there->(), 1, 'which moves with its use';
    is environment_of($client->get('/v/show'))->{HTTP_COOKIE}, 'APPID=x', 'so that it goes on';
    $age->('31 min');
    is environment_of($client->clone->get('/v/show'))->{HTTP_COOKIE}, undef, 'then it has ended';
    $postgres->psql('select secsession.purge(100)');
    is $there->(), 0, 'and is removed at once';
    is events_of($id), '', 'without a word in the trail';
    ($client, $id) = begun();
    $age->('7 hours');
    $postgres->psql("update secsession.session set last_seen_at = now() where session_id = :'id'",
        vars => { id => $id });
    $client->get('/v/show');
    is value("select expires_at <= authenticated_at + interval '8 hours' from secsession.session
        where session_id = :'id'", vars => { id => $id }), 't', 'but never after its absolute end';
};

# --- with keys ---------------------------------------------------------------------------------

my $keys = spew($httpd->folder . '/keys', "1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n");
chmod 0600, $keys;
my $LARGE = <<'PERL';
print "Set-Cookie: APPID=", 'x' x $ENV{QUERY_STRING}, "; path=/\nContent-Type: text/plain\n\nanswered\n";
PERL
my $keyed = Secsession::Httpd->start(postgres => $postgres, files => {}, cgi => { large => $LARGE },
    config => Secsession::Test::standard_config(config => <<"CONFIG"));
SecSessionKeys "$keys"
<LocationMatch "^/v/">
    SecSessionVault APPID*
    SecSessionAppLogin On
</LocationMatch>
<Location "/v/elsewhere/">
    SecSessionVault none
</Location>
ScriptAliasMatch "^/v/(?:elsewhere/)?(headers|show|large)(.*)\$" "\@FOLDER\@/cgi-bin/\$1\$2"
CONFIG

sub visitor {
    my (@fields) = @_;
    my $client = $keyed->client;
    $client->get(answering('v', @fields ? @fields : 'Set-Cookie: APPID=s3cret; path=/'));
    return $client;
}
sub seen { return environment_of($_[0]->get('/v/show'))->{HTTP_COOKIE} // '' }

sub asked { return $postgres->statements(undef, qr/lookup|begin_session|keep_cookies|vault_of/) }

subtest 'a cookie that never comes back makes no row' => sub {
    my ($rows, $statements) = (sessions(), asked());
    my @tokens = map { visitor()->token } 1 .. 5;
    is sessions(), $rows, 'visitors without cookies have no session';
    is asked() - $statements, 0, 'and cost no statement';
    unlike join(' ', @tokens), qr/s3cret|APPID/, 'what the browser keeps in its place says nothing';
    my %different = map { $_ => 1 } @tokens;
    is scalar(keys %different), 5, 'and is of one visitor only';
};

subtest 'when it comes back there is a session' => sub {
    my $rows = sessions();
    my $client = visitor('Set-Cookie: APPID=1; path=/', 'Set-Cookie: APPID2=2; path=/v/',
        'Set-Cookie: APPID3=; path=/; Max-Age=0');
    my $copy = $client->clone;
    my $statements = asked();
    is seen($client), 'APPID2=2; APPID=1', 'the application sees its cookies';
    cmp_ok asked(), '>', $statements, 'which costs statements';
    is sessions(), $rows + 1, 'in a session';
    unlike $client->token, qr/\./, 'whose token the browser has from then on';
    is seen($client), 'APPID2=2; APPID=1', 'with the same cookies';
    is seen($copy->clone), 'APPID2=2; APPID=1', 'a browser that missed the response has them, too'
        for 1, 2;
    is sessions(), $rows + 1, 'in the same session';
    $client->get(answering('v', 'Set-Cookie: APPID=changed; path=/'));
    is seen($copy), 'APPID2=2; APPID=changed', 'an old copy brings nothing back';
    my $many = visitor();
    my @running = map { $many->clone->start_request('GET', '/v/show') } 1 .. 8;
    is_deeply [ grep { (environment_of($_->finish)->{HTTP_COOKIE} // '') ne 'APPID=s3cret' } @running ],
        [], 'eight requests at once see it';
    is sessions(), $rows + 2, 'and make one session';
};

subtest 'it goes with the login, and ends with its session' => sub {
    my $client = visitor();
    my $before = $client->clone;
    is $client->login('alice', password_of('alice'))->status, 303, 'a visitor logs in';
    is seen($client), 'APPID=s3cret', 'and keeps the cookies';
    is seen($before), '', 'what was before the login is worth nothing';
    $client = visitor();
    my $copy = $client->clone;
    seen($client);
    $client->logout;
    is seen($copy->clone), '', 'nor is what was before a logout';
    $postgres->psql("select secsession.revoke_all('test')");
    has_heard($postgres);
    is seen($copy), '', 'or a revocation';
    $client = visitor();
    is $client->get('/v/elsewhere/show')->cookie('__Host-secsession') =~ /=[^.;]+;/ ? 1 : 0, 1,
        'any place with sessions begins it';
    is seen($client), 'APPID=s3cret', 'and nothing is lost there';
};

subtest 'beside another cookie of our name it begins no session, but goes with one' => sub {
    my $client = visitor();
    my $name = '__Host-secsession';
    my @both = (headers => [ [ Cookie => "$name=" . $client->token . "; $name=another" ] ]);
    my $rows = sessions();
    my $answer = $keyed->client->get('/v/show', @both);
    is environment_of($answer)->{HTTP_COOKIE}, undef, 'it is not known which of them counts';
    is_deeply [ $answer->all_headers('Set-Cookie') ], [], 'both are left alone';
    is sessions(), $rows, 'and make no row';
    is seen($client), 'APPID=s3cret', 'alone it begins a session';
    $answer = $keyed->client->get('/v/show', @both);
    is environment_of($answer)->{HTTP_COOKIE}, 'APPID=s3cret', 'which is then the only live one';
    like $answer->cookie($name), qr/\A\Q$name=@{[ $client->token ]}\E;/, 'and is kept without them';
};

subtest 'nobody makes one up' => sub {
    my ($token, $seal) = visitor()->token =~ /^(.*)\.(.*)$/;
    my $other = visitor()->token =~ s/\..*//r;
    my $rows = sessions();
    for my $forged (
        "$token.", "$token.AAAA", "$other.$seal", "$token." . $seal =~ s/^(.{20})./$1A/r,
        "$token.$seal=", 'A' x 43 . ".$seal", ".$seal", "$token.$seal.$seal", "$token." . 'A' x 3000
    ) {
        next if $forged eq "$token.$seal";
        is seen($keyed->client->set_token($forged)), '', substr($forged, 0, 80) . ' is worth nothing';
    }
    is sessions(), $rows, 'and makes no session';
    is seen($httpd->client->set_token("$token.$seal")), '', 'nor does it at a server without the keys';
};

subtest 'cookies too large for a cookie' => sub {
    my $rows = sessions();
    my ($large, $small) = map { my $client = $keyed->client; $client->get("/v/large?$_"); $client }
        3500, 2400;
    is sessions(), $rows + 1, 'have a session from the start';
    is length seen($large), 3506, 'and are kept';
    ok length($small->token) < 4000, 'those that fit fit into what browsers keep';
    is length seen($small), 2406, 'and are kept, too';
};

done_testing;
