# SecSessionLoginWhen: an attacker who knows one password cannot make the server take another
# user's name from the form, however the application reads forms. The application here is the best
# that an attacker could wish for: it accepts everybody.
use lib 't/lib';
use Secsession::Test;

my ($postgres, $httpd) = start_servers(
    cgi => {
        in => q{local $/; my $body = <STDIN>; print "X-In: 1\nContent-Type: text/plain\n\nin\n";}
    },
    config => <<'CONFIG',
ScriptAlias "/in" "@FOLDER@/cgi-bin/in"
<Location "/in">
    SecSessionLoginWhen "resp('X-In') == '1'" field=user
</Location>
CONFIG
);

sub user_of {
    my ($type, $body, %opt) = @_;
    my $client = $httpd->client;
    my $response = $client->post('/in' . ($opt{query} // ''), $body,
        headers => [ [ 'Content-Type', $type ], @{ $opt{headers} // [] } ]);
    return $response->status if $response->status != 200;
    return environment_of($client->get('/app/show'))->{REMOTE_USER} // 'nobody';
}

my $form = 'application/x-www-form-urlencoded';
is user_of($form, 'user=alice&password=x'), 'alice', 'the field says who is logged in';
is user_of("$form; charset=UTF-8", 'user=alice'), 'alice', 'also in UTF-8';
is user_of($form, 'user=alice', query => '?return=/x&a'), 'alice', 'also with a query';
is user_of($form, 'x=' . 'y' x 65000 . '&user=alice'), 'alice', 'also in a long form';

my $part = sub { qq{--B\r\nContent-Disposition: form-data; name="$_[0]"\r\n\r\n$_[1]\r\n} };
is user_of('multipart/form-data; boundary=B',
    $part->('x', 1) . $part->('user', 'alice') . "--B--\r\n"), 'alice', 'also of a form with files';

my $json = 'application/json';
is user_of($json, '{"user":"alice","password":"100%&a=b"}'), 'alice', 'also of JSON';

my %refused = (
    'once more in JSON' => [ $json, '{"user":"alice","user":"mallory"}' ],
    'once more in JSON, encoded' => [ $json, '{"user":"alice","us\u0065r":"mallory"}' ],
    'once more in JSON, for programs that ignore case' =>
        [ $json, '{"user":"alice","User":"mallory"}' ],
    'once more in JSON, for programs that read any form as a urlencoded one' =>
        [ $json, '{"user":"alice","x":"&user=mallory&"}' ],
    'once more in a form, for programs that read any form as JSON' =>
        [ $form, '{"user":"mallory","x":"&user=alice&"}' ],
    'once more in the query beside JSON' => [ $json, '{"user":"alice"}', query => '?user=mallory' ],
    'in JSON in another character set' => [ "$json; charset=utf-16", '{"user":"alice"}' ],
    'twice' => [ $form, 'user=alice&user=mallory' ],
    'once more, as PHP reads names' => [ $form, 'user=alice&+user=mallory' ],
    'once more behind a semicolon' => [ $form, 'x=1;user=mallory&user=alice' ],
    'once more in the query' => [ $form, 'user=alice', query => '?user=mallory' ],
    'once more beyond 64 KiB' => [ $form, 'user=alice&x=' . 'y' x 65536 . '&user=mallory' ],
    'once more beyond a NUL' => [ $form, "user=alice&x=\0&user=mallory" ],
    'in a form that is compressed, for an application that undoes it' =>
        [ $form, 'user=alice', headers => [ [ 'Content-Encoding', 'gzip' ] ] ],
    'in another character set' => [ "$form; charset=ibm037", 'user=alice' ],
    'behind a boundary that only some see' => [
        'multipart/form-data; boundary=B',
        $part->('user', 'alice')
            . $part->('x', "\n--B\nContent-Disposition: form-data; name=\"user\"\n\nmallory")
            . "--B--\r\n"
    ],
    'in what is no form' => [ 'text/plain', 'user=alice' ],
);
is user_of(@{ $refused{$_} }), 502, "nobody is logged in where the field is there $_"
    for sort keys %refused;

done_testing;
