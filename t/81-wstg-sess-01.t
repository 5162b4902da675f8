# WSTG-SESS-01, the session management schema: what a token consists of, and what happens to one
# that has been tampered with; ASVS 5.0 7.2.3.
use lib 't/lib';
use Secsession::Test;
use MIME::Base64 'decode_base64url';

my $LOGINS = 400;
my ($postgres, $httpd) = start_servers(children => 2, threads => 8);
my @tokens = map { browser($httpd, 'alice')->token } 1 .. $LOGINS;

subtest 'what tokens have in common' => sub {
    my %seen = map { $_ => 1 } @tokens;
    is scalar(keys %seen), $LOGINS, "$LOGINS logins of one user: no token twice";
    is scalar(grep { !/\A[A-Za-z0-9_-]{43}\z/ } @tokens), 0,
        'each is 43 characters of 64: 256 bits';
    my @bits = map { unpack 'B256', decode_base64url($_) } @tokens;
    my @ones = map {
        my $at = $_;
        scalar grep { substr($_, $at, 1) } @bits
    } 0 .. 255;
    is scalar(grep { abs($_ - $LOGINS / 2) > $LOGINS * 0.15 } @ones), 0,
        'no bit is nearly always the same';
    my @changed = map { my $d = $bits[$_] ^ $bits[ $_ - 1 ]; $d =~ tr/\x01// } 1 .. $#bits;
    is scalar(grep { $_ < 80 || $_ > 176 } @changed), 0, 'no token is near the one before';
};

subtest 'tampering' => sub {
    my $token = $tokens[-1];
    my %tampered = (
        'empty' => '', 'one character' => 'A', 'one too short' => substr($token, 1),
        'one too long' => $token . 'A', 'four kilobytes' => 'A' x 4096,
        'reversed' => scalar reverse($token), 'in capitals' => uc $token,
        'a name and a value' => "user=admin", 'quoted' => qq("$token"),
        'encoded' => $token =~ s/^(.)/sprintf '%%%02X', ord $1/er, 'SQL' => "' or 1=1 --",
        'a path' => '../../etc/passwd', 'bytes' => "\xff\xfe\x80",
    );
    for my $what (sort keys %tampered) {
        my $response = $httpd->client->set_token($tampered{$what})->get('/app/show');
        is $response->status, 401, "$what: refused";
    }
    is $httpd->client->set_token('A' x 9000)->get('/app/show')->status, 400,
        'longer than httpd reads: a bad request';
    is $httpd->client->set_token($token)->get('/app/show')->status, 200,
        'and the session is unharmed';
};

subtest 'what a client can learn or choose' => sub {
    my $chosen = 'B' x 42 . 'A';
    my $client = $httpd->client->set_token($chosen);
    $client->login('alice', password_of('alice'));
    isnt $client->token, $chosen, 'nobody chooses a token';
    is scalar(grep { index($_, 'alice') >= 0 || decode_base64url($_) =~ /alice|127\.0/ } @tokens),
        0, 'nothing of the user is in one';
};

done_testing;
