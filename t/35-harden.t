# SecSessionHarden: an application that takes session ids from URLs is given none, whatever runs
# it, and the audit
# trail tells of those that came; and whoever writes URLs to get past that, or to others, does not.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Calls;
use Secsession::Fpm;
use Secsession::Process 'slurp';
use Secsession::Programs 'answering';

my $ID = 'S3CR3T';
my $php = Secsession::Fpm->start_if_there(children => 2);
my $php_config = $php ? <<"CONFIG" : '';
<FilesMatch "\\.php\$">
    SetHandler "@{[ $php->handler ]}"
</FilesMatch>
ProxyPassMatch "^/strip/fcgi/(.*\\.php(?:/.*)?)\$" "unix:@{[ $php->socket ]}|fcgi://localhost\@FOLDER\@/htdocs/strip/\$1"
CONFIG
my $show = <<'PERL';
print "Content-Type: text/plain\n\n", map { "$_=$ENV{$_}\n" } sort keys %ENV;
PERL
my $backend = Secsession::Httpd->start(module => 0,
    config => qq{AllowEncodedSlashes NoDecode\nScriptAlias "/app/" "\@FOLDER\@/cgi-bin/"});
my $to = 'http://127.0.0.1:' . $backend->port . '/app';

my $config = <<"CONFIG";
LogFormat "%r|%U%q" requests
CustomLog "\@FOLDER\@/logs/requests.log" requests
ScriptAliasMatch "^/(?:strip|refuse|names|off)/(show|headers)(.*)\$" "\@FOLDER\@/cgi-bin/\$1\$2"
ScriptAlias "/files/" "\@FOLDER\@/cgi-bin/"
ProxyPass "/strip/back/" "$to/"
ProxyPass "/strip/raw/" "$to/" nocanon
ProxyPass "/strip/early/" "$to/" mapping=encoded
ProxyPass "/refuse/back/" "$to/"
ProxyPass "/strip/servlet/" "$to/" mapping=servlet
ProxyPass "/servlet/" "$to/" mapping=servlet
ProxyPass "/inner/" "$to/" nocanon
RewriteEngine On
RewriteRule "^/strip/rewritten/(.*)\$" "/strip/\$1" [PT]
RewriteRule "^/strip/fetched/(.*)\$" "$to/\$1" [P]
RewriteRule "^/strip/own/(.*)\$" "/strip/show?PHPSESSID=own\$1" [PT]
$php_config
<Directory "\@FOLDER\@/htdocs">
    AddOutputFilter INCLUDES .shtml
    Options +Includes
</Directory>
<Location "/strip/">
    SecSessionHarden On
</Location>
<Location "/refuse/">
    SecSessionHarden urls=refuse
    ErrorDocument 403 /off/show
</Location>
<Location "/servlet/">
    SecSessionHarden urls
</Location>
<Location "/names/">
    SecSessionHarden urls
    SecSessionUrlIds sid
</Location>
<Files "stripped">
    SecSessionHarden urls
</Files>
<Files "refused">
    SecSessionHarden urls=refuse
    ErrorDocument 403 /off/show
</Files>
<Proxy "$to/">
    SecSessionHarden urls
</Proxy>
CONFIG

my ($postgres, $httpd) = start_servers(
    modules => [qw(include proxy proxy_http proxy_fcgi)], database => { log_statements => 1 },
    app => 'SecSessionHarden On', config => $config,
    cgi => { map { $_ => $show } qw(stripped refused) },
    files => {
        'strip/page.shtml' => qq{<!--#include virtual="/strip/show?PHPSESSID=$ID&a=1" -->\n},
        'strip/env.php' =>
            '<?php foreach ($_SERVER + $_GET as $k => $v) if (is_string($v)) echo "$k=$v\n";',
    },
    vhosts => <<'VHOSTS');
<VirtualHost 127.0.0.1:@PORT@>
    ServerName localhost
    AllowEncodedSlashes NoDecode
    RewriteEngine On
    RewriteOptions Inherit
</VirtualHost>
VHOSTS
calls_of($postgres);

sub noted { return sql("select count(*) from secsession.event where event = 'session_id_in_url'") }
sub asked { return $postgres->statements(undef, qr/session_id_in_url\(/) }
sub lines { return scalar(() = $httpd->error_log =~ /$_[0]: /g) }

# --- requests
# --------------------------------------------------------------------------------------

# Each: what is behind the program's name, and the path information and the arguments that are left.
my @WITH_ID = (
    [ "?PHPSESSID=$ID", '', '' ],
    [ "?a=1&PHPSESSID=$ID&b=%26;c", '', 'a=1&b=%26;c' ],
    [ "?phpsessid=$ID&JSESSIONID=$ID&a=1", '', 'a=1' ],
    [ "?PHPSESSID=$ID&PHPSESSID=$ID", '', '' ],
    [ "?%50HP%53ESSID=$ID&a", '', 'a' ],
    [ "?+PHPSESSID=$ID&%20PHPSESSID[]=$ID&a", '', 'a' ],
    [ "?asp.net_sessionid=$ID&cfid=$ID&CFTOKEN=$ID&CGISESSID=$ID&a", '', 'a' ],
    [ "?a;PHPSESSID=$ID;b", '', 'a;b' ],
    [ "?PHPSESSID=$ID" . '&x=y' x 1000, '', substr '&x=y' x 1000, 1 ],
    [ ";jsessionid=$ID", '', '' ],
    [ ";JSESSIONID=$ID?a=1", '', 'a=1' ],
    [ "/info;jsessionid=$ID/more", '/info/more', '' ],
    [ "/info;x=1;jsessionid=$ID;jsessionid=$ID/;jsessionid=$ID?PHPSESSID=$ID", '/info;x=1/', '' ],
    [ "/info;%6A%73essionid=$ID", '/info', '' ],
    [ "/info%3Bjsessionid=$ID?a", '/info', 'a' ],
    [ "/info%3bjsessionid%3D$ID/x", '/info/x', '' ],
);
my @WAYS = (
    [ 'CGI', '/strip/show' ], [ 'a proxied backend', '/strip/back/show' ], [ 'nocanon',
        '/strip/raw/show' ],
    [ 'mapping=encoded', '/strip/early/show' ], [ 'RewriteRule [PT]', '/strip/rewritten/show' ],
    [ 'RewriteRule [P]', '/strip/fetched/show' ],
    $php ? ([ 'PHP-FPM', '/strip/env.php' ], [ 'ProxyPassMatch to PHP-FPM', '/strip/fcgi/env.php' ])
        : (),
);

subtest 'no application is given a session id by a URL, and each gets the rest of it' => sub {
    for my $way (@WAYS) {
        my ($name, $program) = @$way;
        for my $case (@WITH_ID) {
            my ($behind, $info, $arguments) = @$case;
            my $response = $httpd->get("$program$behind");
            my $seen = environment_of($response);
            my $what = "$name, " . substr $behind, 0, 60;
            is_deeply [ $response->status, $seen->{QUERY_STRING}, $seen->{PATH_INFO} // '' ], [ 200,
                $arguments, $info ], $what;
            unlike $response->raw, qr/$ID/, "$what: no word of it";
            like $seen->{REQUEST_URI}, qr{\A/\S+/(?:show|env\.php)\Q$info\E(?:\?\Q$arguments\E)?\z},
                "$what: REQUEST_URI";
        }
    }
};

subtest 'however the request is written' => sub {
    my %seen = (
        "http://localhost/strip/show;jsessionid=$ID?PHPSESSID=$ID&a" =>
            'http://localhost/strip/show?a',
        "//strip//show;jsessionid=$ID" => '//strip//show',
            "/x/../strip/./show?PHPSESSID=$ID" => '/x/../strip/./show',
        "/strip;jsessionid=$ID/show" => undef,
            "/strip/servlet;jsessionid=$ID/show;jsessionid=$ID" => '/app/show',
        "/%73trip/show?PHPSESSID=$ID" => '/%73trip/show',
            "/servlet/show;jsessionid=$ID" => '/app/show',
    );
    for my $target (sort keys %seen) {
        my $response = $httpd->get($target);
        is environment_of($response)->{REQUEST_URI}, $seen{$target}, $target;
        unlike $response->raw, qr/$ID/, "$target: no word of it";
    }
    is $httpd->get("/servlet;jsessionid=$ID/show")->status, 403,
        'a servlet by another spelling of its place';
    my $trace = $httpd->request('TRACE', "/strip/show?PHPSESSID=$ID");
    unlike $trace->raw, qr/$ID/, 'TRACE';
    like $trace->body, qr{\ATRACE /strip/show HTTP/1.1\r\n}, 'TRACE: what is left';
};

subtest 'nor by what the application itself includes or leads to within the server' => sub {
    my $page = $httpd->get('/strip/page.shtml');
    like $page->body, qr/^QUERY_STRING=a=1$/m, 'an include';
    unlike $page->body, qr/$ID/, 'an include: no word of it';
    my $local = $httpd->get(answering('off', "Location: /strip/show?a=1&PHPSESSID=$ID"));
    is environment_of($local)->{QUERY_STRING}, 'a=1', 'a local redirect';
    like $httpd->error_log, qr/SS222: .*PHPSESSID/, 'of which the log tells';
    my $own = environment_of($httpd->get('/strip/own/1'));
    is $own->{QUERY_STRING}, 'PHPSESSID=own1',
        'but what the administrator writes in a rule is left alone';
};

subtest 'a request with one is refused, where that is wanted' => sub {
    for my $program ('/refuse/show', '/refuse/back/show') {
        for my $case (@WITH_ID) {
            my $response = $httpd->get("$program$case->[0]");
            my $what = "$program " . substr $case->[0], 0, 60;
            is $response->status, 403, $what;
            like $response->body, qr/^REDIRECT_STATUS=403$/m, "$what: the error page";
            unlike $response->raw, qr/$ID/, "$what: no word of it";
        }
        is $httpd->get("$program?a=1")->status, 200, "$program without one";
    }
    is $httpd->post("/refuse/show?PHPSESSID=$ID", 'a=1')->status, 403, 'POST';
    is $httpd->request('HEAD', "/refuse/show?PHPSESSID=$ID")->status, 403, 'HEAD';
    cmp_ok lines('SS221'), '>=', 2 * @WITH_ID, 'the log tells of each';
};

subtest
    'in <Files> and <Proxy> arguments are taken out, and what comes too late for that is refused'
    => sub {
    my $seen = environment_of($httpd->get("/files/stripped?a=1&PHPSESSID=$ID"));
    is_deeply [ @$seen{qw(QUERY_STRING REQUEST_URI)} ], [ 'a=1', '/files/stripped?a=1' ],
        'an argument';
    for my $path ("/files/stripped/x;jsessionid=$ID", "/files/refused?PHPSESSID=$ID",
        "/files/refused/x;jsessionid=$ID",
        "/inner/show?PHPSESSID=$ID", "/inner/show;jsessionid=$ID") {
        my $response = $httpd->get($path);
        is $response->status, 403, $path;
        unlike $response->raw, qr/$ID/, "$path: no word of it";
    }
    is $httpd->get('/inner/show?a=1')->status, 200, 'a backend without one';
    cmp_ok lines('SS224'), '>=', 3, 'the log tells where to write the directive';
};

subtest 'a path that without an id would be another one is refused' => sub {
    for my $path ('/strip/..;jsessionid=1/app/show', '/strip/.%2e;jsessionid=1/app/show',
        '/strip/%2E%2E%3Bjsessionid/app/show',
        '/strip/x/..;jsessionid=1/..;jsessionid=2/app/show', '/strip/;jsessionid=1/show',
            '/strip/.;jsessionid=1/show',
        '/strip/back/..;jsessionid=1/back/show', '/strip/raw/..;jsessionid=1/show',
            '/strip/early/..%3bjsessionid=1/show',
        '/strip/show/..;jsessionid=1', '/strip/;jsessionid=1%2f/show') {
        is $httpd->get($path)->status, 403, $path;
    }
    is $httpd->get('/strip/..%3Bx=1/app/show')->status, 404,
        'another parameter is not our business';
    is $httpd->get('/app;jsessionid=1/show')->status, 404,
        'nothing is served at a path that no location names';
    is $httpd->get('/app/show;jsessionid=1')->status, 401,
        'who takes an id out of a path finds the same guard there';
    cmp_ok lines('SS223'), '>=', 11, 'the log tells of each';
};

subtest 'every other URL arrives byte for byte' => sub {
    for my $behind ('', '?', '?a', '?a=1&&b;;c=%zz', '?PHPSESSI=1&sid=2&XPHPSESSID=3',
        '?%2550HPSESSID=1', '?a=PHPSESSID=1',
        '?u=/x?PHPSESSID=1', '/x;y=1;;z/', '/x;jsession=1', '/%20%41;a', '/a%2Fb;c', '?'
            . 'a;b&' x 1500, '?%',
        '?return=%2Fx%3FPHPSESSID%3D1') {
        my ($off, $strip) = map { environment_of($httpd->get("$_$behind")) } '/off/show',
            '/strip/show';
        cmp_ok scalar(keys %$off), '>', 10, 'it is served';
        my @seen = map { ($strip->{$_} // 'none') =~ s{\A/strip/}{/off/}r }
            qw(REQUEST_URI QUERY_STRING PATH_INFO SCRIPT_NAME);
        is_deeply \@seen,
            [ map { $off->{$_} // 'none' } qw(REQUEST_URI QUERY_STRING PATH_INFO SCRIPT_NAME) ],
            'CGI, ' . substr $behind, 0, 60;
        is environment_of($httpd->get("/strip/raw/show$behind"))->{REQUEST_URI}, "/app/show$behind",
            'a backend, ' . substr $behind, 0, 60;
    }
    my $off = environment_of($httpd->get("/off/show;jsessionid=x?PHPSESSID=$ID"));
    is $httpd->get("/off/show?PHPSESSID=$ID")->status, 200, 'where it is Off nothing is refused';
    is environment_of($httpd->get("/off/show?PHPSESSID=$ID"))->{QUERY_STRING}, "PHPSESSID=$ID",
        'nor taken out';
    my $names = environment_of($httpd->get("/names/show?PHPSESSID=1&SID=$ID"));
    is $names->{QUERY_STRING}, 'PHPSESSID=1', 'SecSessionUrlIds says what it is called';
};

# --- what is told
# ----------------------------------------------------------------------------------

subtest 'strangers leave a line in the log, and no row' => sub {
    my ($events, $asked, $lines) = (noted(), asked(), lines('SS220'));
    my $guessed = $httpd->client->set_token('A' x 43);
    $_->get("/strip/show?PHPSESSID=$ID") for $httpd, $guessed;
    $httpd->get(answering('strip', "Content-Location: /?PHPSESSID=$ID"));
    is_deeply [ noted() - $events, asked() - $asked, lines('SS220') - $lines ], [ 0, 0, 2 ],
        'requests without a session';
};

subtest 'of a session the audit trail tells, once a minute at most' => sub {
    sql('delete from secsession.event_log');
    my $alice = browser($httpd, 'alice');
    is $alice->get("/strip/show?PHPSESSID=$ID&a=1")->status, 200, 'a request';
    my ($id) = environment_of($alice->get('/pub/show'))->{SECSESSION_ID};
    is sql(
        "select session_id, realm, user_name, client_addr, actor, reason, detail from "
            . "secsession.event where event = 'session_id_in_url'"
        ),
        "$id|localhost|alice|127.0.0.1|httpd_web||"
            . '{"name": "PHPSESSID", "found_in": "request", "presented_from": "127.0.0.1"}',
            'is an event';
    my @all = map { $alice->start_request(GET => "/strip/show?PHPSESSID=$ID") } 1 .. 10;
    $_->finish for @all;
    $alice->get(answering('strip', "Content-Location: /?PHPSESSID=$ID"));
    is noted(), 1, 'many requests are none more';
    is +(lines('SS220') > 10), 1, 'but the log tells of each';
    my $bob = browser($httpd, 'bob');
    is $bob->get("/refuse/show?PHPSESSID=$ID")->status, 403, 'a refused request';
    my $other = browser($httpd, 'bob');
    $other->get(answering('strip', 'Status: 302', "Location: http://h/a;jsessionid=$ID"));
    is sql(
        "select detail ->> 'name', detail ->> 'found_in' from secsession.event where event = "
            . "'session_id_in_url' and user_name = 'bob' order by at"
        ),
        "PHPSESSID|request\njsessionid|response", 'another session has events of its own';
    my $third = browser($httpd, 'bob');
    is $third->get("/strip/..;jsessionid=$ID/app/show")->status, 403, 'a refused path';
    is noted(), 4, 'is one, too';
};

subtest 'what the database lets pass' => sub {
    login('seen', 'carol');
    my $call =
        "select secsession.session_id_in_url((select session_id from secsession.token where "
            . "token_hash = sha256('seen')), '192.0.2.7', 'sid', 'request')";
    is sql($call), 't', 'the first';
    is sql($call), 'f', 'not the second';
    sql("update secsession.event_log set at = at - interval '61 s' where user_name = 'carol'");
    is sql($call), 't', 'one a minute later';
    sql("update secsession.event_log set at = at - interval '61 s' where user_name = 'carol'");
    sql("select secsession.revoke_user('carol', 'test')");
    is sql($call), 'f', 'none of a session that has ended';
    is sql("select secsession.session_id_in_url(gen_random_uuid(), null, 'sid', 'request')"), 'f',
        'nor of none';
};

subtest 'nothing is refused for want of a database' => sub {
    my $alice = browser($httpd, 'alice');
    sql('alter table secsession.event_log add constraint none check (false) not valid');
    is $alice->get("/strip/show?PHPSESSID=$ID")->status, 200, 'the request is served';
    sql('alter table secsession.event_log drop constraint none');
    like $httpd->error_log, qr/SS103/, 'the log tells of the event that was lost';
};

subtest 'no log has a session id that was taken out' => sub {
    my $requests = slurp($httpd->folder . '/logs/requests.log');
    is_deeply [ grep { /$ID/ && !m{\b\w+ /(?:off/|strip;)} } split /\n/, $requests ], [],
        'the access log';
    is_deeply [ grep { /$ID/ && /SS22/ } split /\n/, $httpd->error_log ], [], 'the error log';
    unlike $postgres->log, qr/$ID/, 'PostgreSQL\'s';
};

done_testing;
