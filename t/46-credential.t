# A program that httpd runs, as the user as whom httpd's children run, can neither have httpd's
# connection to the database, nor the password of its role, nor its keys; and with the role it still
# cannot make itself somebody. The set-up is that of README.md.
# asan: no
use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(am_root scratch slurp spew);
use Digest::SHA 'sha256_hex';
use MIME::Base64 qw(decode_base64url encode_base64url);

plan skip_all => 'only root has secrets from its other users' unless am_root();

my $PASSWORD = 'only-root-knows-it';
my $secrets = scratch('secrets');
my $keys = spew("$secrets/keys", '1 ' . 'A' x 43 . "=\n", 0600);

# As Debian's: peer over the socket, except for the role of the web server.
my $postgres = Secsession::Postgres->start->install;
my $data = $postgres->value('show data_directory');
$postgres->psql("create role secsession_web login password '$PASSWORD' in role secsession_httpd");
spew("$data/pg_ident.conf", join '', map { "as $_\n" } 'root postgres', 'root httpd_web',
    'root admin_role', 'root secsession_web', 'postgres postgres');
spew("$data/pg_hba.conf", <<'RULES');
local all secsession_web scram-sha-256
local all all peer map=as
RULES
$postgres->psql('select pg_reload_conf()');

my $host = $postgres->host;
my $database = spew("$secrets/database.conf", <<"CONFIG", 0600);
DBDParams "host=$host dbname=app user=secsession_web password=$PASSWORD"
CONFIG

# It runs what is asked for in the query, which only this test can do: bob has written it.
my $httpd = Secsession::Httpd->start(
    postgres => $postgres,
    config => Secsession::Test::standard_config(
        config => qq(Include "$database"\nSecSessionKeys "$keys"\n)
    ),
    cgi => { run => <<'PERL' },
my $command = $ENV{QUERY_STRING} =~ s/%([0-9a-f]{2})/chr hex $1/gier;
print "Content-Type: text/plain\n\n", scalar(`($command) 2>&1`), "exit ", $? >> 8, "\n";
PERL
);
my $bob = browser($httpd, 'bob');

sub as_program {
    my ($command) = @_;
    my $query = $command =~ s/([^\w\/.-])/sprintf '%%%02x', ord $1/ger;
    return $bob->get("/app/run?$query")->body;
}

sub psql {
    my ($user, $sql, $more) = @_;
    my $program = $postgres->program('psql');
    return as_program(($more // '') . qq($program -X -w -At -h $host -d app -U $user -c "$sql"));
}

is as_program('id -un'), "www-data\nexit 0\n", 'a program runs as the user of the web server';
is $bob->get('/app/show')->status, 200, 'httpd has its connection';

subtest 'it cannot become the role of httpd' => sub {
    like psql('secsession_web', 'select 1'), qr/no password supplied/, 'which has a password';
    like psql($_, 'select 1'), qr/Peer authentication failed/, "nor $_"
        for qw(httpd_web admin_role postgres www-data);
    like as_program("cat $_"), qr/Permission denied/, "$_ cannot be read" for $database, $keys;
    for my $pid ($httpd->parent_pid, $httpd->child_pids) {
        like as_program("cat /proc/$pid/$_"), qr/Permission denied/, "$_ of process $pid"
            for qw(mem environ maps);
        like as_program("ls /proc/$pid/fd"), qr/Permission denied/, 'nor what it has opened';
    }
    unlike as_program('env; cat /proc/$PPID/environ; cat ' . $httpd->folder . '/httpd.conf'),
        qr/\Q$PASSWORD/, 'and what it may read has no password';
};

subtest 'and with the role it cannot make itself alice' => sub {
    my $token = '0123456789abcdef' x 2;
    my $login = sub {
        return psql('secsession_web', "select state from secsession.authenticate(row(decode('$_[0]'"
            . ", 'hex'), null, 'localhost', 'alice', 'form', secsession.login_moment(), '192.0.2.1',"
            . ' null, 1000, 2000)::secsession.login)', "PGPASSWORD=$PASSWORD ");
    };
    like $login->(sha256_hex($token)), qr/^live$/m, 'which makes a session for her';
    is $httpd->client->set_token(encode_base64url($token))->get('/app/show')->status, 401,
        'that no browser can use: its token has no tag';
    my $bytes = decode_base64url($bob->token);
    is $httpd->client->set_token(encode_base64url($token . substr $bytes, 32))
        ->get('/app/show')->status, 401, 'nor with the tag of another';

    my $other = browser($httpd, 'bob');
    my $mine = sha256_hex(substr decode_base64url($other->token), 0, 32);
    my $kept = $other->token;
    $postgres->psql("delete from secsession.session where token_hash = '\\x$mine'");
    like $login->($mine), qr/^live$/m, 'is made hers';
    is $httpd->client->set_token($kept)->get('/app/show')->status, 401, 'and is refused';
    like $httpd->error_log, qr/SS120: /, 'of which the log tells';
};

done_testing;
