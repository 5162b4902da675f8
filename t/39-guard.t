# A request with a session by which another site could change something is refused
# (SecSessionGuard), according to Sec-Fetch-Site and Origin; so is the opening of a WebSocket.
# mpm: all

use lib 't/lib';
use Secsession::Test;

my ($postgres, $httpd) = start_servers(children => 2, threads => 8, config => <<'CONFIG');
<Location "/app/show/off">
    SecSessionGuard Off
</Location>
<Location "/app/show/partner">
    SecSessionGuard On https://partner.example https://localhost:8443
</Location>
<Location "/app/show/partner/none">
    SecSessionGuard On
</Location>
CONFIG
my $alice = browser($httpd, 'alice');
my $own = $alice->origin;
my ($port) = $own =~ /:(\d+)$/;

sub status {
    my ($client, $method, $path, %fields) = @_;
    my @headers = map { [ $_ => $fields{$_} ] } sort keys %fields;
    return $client->request($method, $path, headers => \@headers,
        $method =~ /^(?:GET|HEAD|OPTIONS|TRACE)$/ ? () : (body => ''))->status;
}

my %foreign = (
    'another site' => { Origin => 'https://evil.example' },
    'another site, says the browser' => { 'Sec-Fetch-Site' => 'cross-site' },
    'both' => { Origin => 'https://evil.example', 'Sec-Fetch-Site' => 'cross-site' },
    'a sibling' => { Origin => "http://www.localhost:$port", 'Sec-Fetch-Site' => 'same-site' },
    'another port' => { Origin => 'http://localhost:' . ($port + 1) },
    'no port' => { Origin => 'http://localhost' },
    'an origin that the browser will not name' => { Origin => 'null' },
    'a site whose pages do not name their origin' =>
        { Origin => 'null', 'Sec-Fetch-Site' => 'cross-site' },
    'a sibling whose pages do not name their origin' =>
        { Origin => 'null', 'Sec-Fetch-Site' => 'same-site' },
    'another scheme' => { Origin => "ftp://localhost:$port" },
    'a longer host' => { Origin => "$own.evil.example" },
    'a path behind it' => { Origin => "$own/" },
    'two origins' => { Origin => "$own https://evil.example" },
    'an empty one' => { Origin => '' },
    'our origin, but the browser knows better' =>
        { Origin => $own, 'Sec-Fetch-Site' => 'cross-site' },
);
my %ours = (
    'our own page' => { Origin => $own, 'Sec-Fetch-Site' => 'same-origin' },
    'our own page, says Origin' => { Origin => $own },
    'our own page, says the browser' => { 'Sec-Fetch-Site' => 'same-origin' },
    'our own page that does not name its origin (Referrer-Policy: no-referrer)' =>
        { Origin => 'null', 'Sec-Fetch-Site' => 'same-origin' },
    'our own page, where a proxy has replaced the host' =>
        { Origin => 'https://public.example', 'Sec-Fetch-Site' => 'same-origin' },
    'the user' => { 'Sec-Fetch-Site' => 'none' },
    'the user, who reloads such a page' => { Origin => 'null', 'Sec-Fetch-Site' => 'none' },
    'an old browser, or a script' => {},
    'a page over https, where a proxy has ended TLS' => { Origin => $own =~ s/http/https/r },
);

subtest 'what another origin makes a browser change is refused' => sub {    # ASVS 5.0 3.5.1 3.5.3
    for my $name (sort keys %foreign) {
        is status($alice, $_, '/app/show', %{ $foreign{$name} }), 403, "$name: $_"
            for qw(POST PUT DELETE PATCH);
    }
    for my $name (sort keys %foreign) {
        is status($alice, 'GET', '/app/show', Upgrade => 'websocket', Connection => 'Upgrade',
            %{ $foreign{$name} }), 403, "$name: a WebSocket";
    }
    like $httpd->error_log,
        qr{SS218: a POST request from another origin.* write SecSessionGuard On https://evil\.example$}m,
        'the log says what to write';
    like $httpd->error_log, qr/SS218: .* let the page that sent it name its origin/,
        'or what to change if there is no name to write';
};

subtest 'what our own pages change is not' => sub {
    for my $name (sort keys %ours) {
        is status($alice, 'POST', '/app/show', %{ $ours{$name} }), 200, "$name: POST";
        is status($alice, 'GET', '/app/show', Upgrade => 'websocket', Connection => 'Upgrade',
            %{ $ours{$name} }), 200, "$name: a WebSocket";
    }
};

subtest 'requests that change nothing, and requests without a session, are allowed' => sub {
    for my $name (sort keys %foreign) {
        is status($alice, 'GET', '/app/show', %{ $foreign{$name} }), 200, "$name: a link"
            if $foreign{$name};
        is status($httpd->client, 'POST', '/pub/show', %{ $foreign{$name} }), 200,
            "$name: a form without a session";
    }
    is status($alice, $_, '/app/show', %{ $foreign{both} }), 200, "$_" for qw(HEAD OPTIONS);
    is status($alice->clone, 'GET', '/app/show', Upgrade => 'h2c', %{ $foreign{both} }), 200,
        'another upgrade';
};

subtest 'exceptions' => sub {
    is status($alice, 'POST', '/app/show/off', %{ $foreign{both} }), 200, 'where it is off';
    is status($alice, 'POST', '/app/show/partner', Origin => 'https://partner.example',
        'Sec-Fetch-Site' => 'cross-site'), 200, 'an origin that is named';
    is status($alice, 'POST', '/app/show/partner', Origin => 'https://localhost:8443'), 200,
        'and another, with its port';
    is status($alice, 'POST', '/app/show/partner', %$_), 403, 'others are refused'
        for { Origin => 'https://partner.example:444' }
    ,
        { Origin => 'http://partner.example' },
        { Origin => 'https://partner.example.evil.example' }, { 'Sec-Fetch-Site' => 'cross-site' };
    is status($alice, 'POST', '/app/show/partner/none', Origin => 'https://partner.example'), 403,
        'a location below without exceptions';
};

is $alice->get('/app/show')->status, 200, 'alice is still logged in';
done_testing;
