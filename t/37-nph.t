# A CGI program whose name begins with nph- would write past all filters of httpd, past ours, too:
# it is not run, whichever way a request comes to it, and the log says what to do.

use lib 't/lib';
use Secsession::Test;

my $RAW = <<'PERL';
print "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nSet-Cookie: __Host-secsession=evil; Path=/\r\n",
    "SecSession-Login: alice\r\nCache-Control: public\r\nConnection: close\r\n\r\nraw\n";
PERL
my $PARSED = qq{print "Content-Type: text/plain\\n\\nparsed \$ENV{REMOTE_USER}\\n";\n};

my ($postgres, $httpd) = start_servers(
    modules => [qw(actions include)],
    cgi => { 'nph-raw' => $RAW, 'nphraw' => $PARSED },
    files => {
        'pub/here.act' => 'x',
        'pub/in.shtml' => qq{<!--#include virtual="/programs/nph-raw" -->\n},
    },
    config => <<'CONFIG');
ScriptAlias "/programs/" "@FOLDER@/cgi-bin/"
AliasMatch "^/typed/(.*)$" "@FOLDER@/cgi-bin/$1"
<Location "/typed/">
    Options +ExecCGI
    ForceType application/x-httpd-cgi
</Location>
AddHandler raw .act
Action raw /programs/nph-raw
<Directory "@FOLDER@/htdocs/pub">
    Options +Includes
    AddOutputFilter INCLUDES .shtml
    AddType text/html .shtml
</Directory>
CONFIG

my $alice = browser($httpd, 'alice');

subtest 'such a program is not run' => sub {
    for my $path (qw(/programs/nph-raw /app/nph-raw /typed/nph-raw /pub/here.act)) {
        my $answer = $alice->get($path);
        is $answer->status, 500, "$path: an error";
        unlike $answer->raw, qr/raw\n|evil|SecSession-Login/, 'and nothing of what it says';
    }
    like $httpd->error_log, qr/SS322: the program \S+nph-raw is not run: .* another name/,
        'the log says why';
    unlike $alice->get('/pub/in.shtml')->raw, qr/raw\n|evil/, 'no page includes it either';
};

subtest 'another that only has a name like it is' => sub {
    is $alice->get('/app/nphraw')->body, "parsed alice\n", 'it is';
};

done_testing;
