# Races in the database, step by step: PostgreSQL's isolationtester runs each t/isolation/*.spec
# in the orders that it names (or in all), and says where a step waits. The output must be the
# same as in expected/. After each order, the specs of revocation count the tokens that are still
# accepted, which must be none.
use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(run slurp);

my $folder = 't/isolation';

# With the server's own packages; in Debian it comes with postgresql-client-NN.
sub isolationtester {
    my $under = 'pgxs/src/test/isolation/isolationtester';
    my $bin = Secsession::Postgres::installed();
    my ($found) = grep { -x } map { "$bin/../$_/$under" } 'lib', 'lib/postgresql';
    return $found // die
        "isolationtester is missing: it belongs to PostgreSQL's client or development package\n";
}

my $tester = isolationtester();
my $postgres = Secsession::Postgres->start(settings => { autovacuum => 'off' })->install;

sub races {
    my ($spec, $level) = @_;
    my ($exit, $out, $err) = run(
        [ $tester, 'host=' . $postgres->host . ' dbname=app user=postgres' ],
        stdin => slurp("$folder/$spec.spec"),
        env => { PGOPTIONS => "-c default_transaction_isolation=" . $level =~ s/ /\\ /r }
    );
    is "$exit$err", '0', "$spec runs at $level";
    return $out;
}

sub is_expected {
    my ($out, $name) = @_;
    my $expected = slurp("$folder/expected/$name.out");
    return ok 1, "$name goes as expected" if $out eq $expected;
    my (undef, $diff) = run([ 'diff', '-u', "$folder/expected/$name.out", '-' ], stdin => $out);
    return ok(0, "$name goes as expected") || diag $diff;
}

# A revocation that PostgreSQL refused (serializable: try again) was not acknowledged and did
# nothing.
sub none_accepted {
    my ($out, $what) = @_;
    my (undef, @orders) = split /^starting permutation: /m, $out;
    my @acknowledged =
        grep { !/^step (?:revoke|revocation_commits):.*\nERROR: .*could not serialize/m } @orders;
    my @accepted = grep { !/^acceptable\n-+\n +0\n/m } @acknowledged;
    cmp_ok scalar @acknowledged, '>', 1, "$what: several orders were tried";
    is_deeply \@accepted, [], "$what: after none of them is a token accepted";
    return;
}

# Whether a login or the revocation of its user is first, at whatever level, must not matter at all.
for my $spec (qw(login-revoke-user login-revoke-all)) {
    for my $level ('read committed', 'repeatable read', 'serializable') {
        my $out = races($spec, $level);
        is_expected($out, "$spec-" . $level =~ s/ /-/r);
        none_accepted($out, "a login during $spec at $level");
    }
}

my %what = (
    'login-again-revoke' => 'a user who logs in again while being revoked',
    'logout-touch' => 'a request during the logout',
    'expiry-touch' => 'a session used and found idle at once',
    'sweep' => 'a login, or a session that is held, while a revocation is swept',
    'login-revoke-found' => 'a login while its address or time is being revoked',
);
for my $spec (sort keys %what) {
    my $out = races($spec, 'read committed');
    is_expected($out, $spec);
    none_accepted($out, $what{$spec});
}

is_expected(races($_, 'read committed'), $_)
    for qw(login-twice begin-twice login-forgiven vault-merge vault-login revoke-own rotation most-sessions
    clients);

my $moments = races('login-moment', 'read committed');
is_expected($moments, 'login-moment');
none_accepted($moments,
    'a login whose user the application names, while that user is being revoked');

done_testing;
