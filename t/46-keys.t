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
    is $alice->clone->get('/static/page.html')->status, 200, 'and comes first';
    wait_until { $alice->get('/static/page.html'); $number->($alice->token) == 2 } 10,
        'the next token has a tag by it';
    is $alice->get('/static/page.html')->status, 200, 'the session goes on';
    $with->($TWO);
    is $alice->get('/static/page.html')->status, 200, 'also without the old key';
    is look($token), '401 0', 'by which nothing is accepted any more';
};

done_testing;
