# Jupyter, Debian's package, without a login of its own, in Chromium: what a kernel is told and what
# it answers passes through a WebSocket, until the session ends.
use lib 't/lib';
use Secsession::Test;
use Secsession::App;
use Secsession::Browser;
use Secsession::Process qw(am_root await free_port scratch slurp spawn);
use IO::Socket::INET;

plan skip_all => 'no jupyter-notebook on this machine: make check-apps'
    unless $ENV{CI} || -x '/usr/bin/jupyter-notebook';
plan skip_all => 'no chromium-driver on this machine' unless Secsession::Browser->is_installed;

my ($folder, $port) = (give_away(scratch('jupyter')), free_port());
spawn(
    command => [
        '/usr/bin/python3', '/usr/bin/jupyter-notebook', '--no-browser', "--port=$port",
        "--NotebookApp.notebook_dir=$folder", '--NotebookApp.base_url=/jupyter/',
        '--NotebookApp.token=', '--NotebookApp.password=', '--NotebookApp.ip=127.0.0.1',
        '--NotebookApp.allow_remote_access=True'
    ],
    env => { HOME => $folder, JUPYTER_ALLOW_INSECURE_WRITES => 1 },
    am_root() ? (user => 'www-data') : (), log => "$folder/log"
);
await { IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") } 120
    or die 'Jupyter does not start: ' . slurp("$folder/log");

my ($postgres, $httpd) = start_servers(
    config => configuration('jupyter', 'http://127.0.0.1:8888' => "http://127.0.0.1:$port"),
    modules => [qw(proxy proxy_http proxy_wstunnel)]
);
my $here = 'http://localhost:' . $httpd->port . '/jupyter/tree';

# Starts a kernel, connects with it, and lets it calculate.
my $KERNEL = <<'JS';
window.said = []; window.ended = false;
const headers = { 'X-XSRFToken': document.cookie.match(/_xsrf=([^;]*)/)[1] };
fetch('/jupyter/api/kernels', { method: 'POST', headers, body: '{}' }).then(r => r.json())
    .then(kernel => {
        window.kernel = new WebSocket(`ws://${location.host}/jupyter/api/kernels/${kernel.id}/channels`);
        window.kernel.onmessage = message => window.said.push(message.data);
        window.kernel.onclose = () => window.ended = true;
        window.kernel.onopen = () => window.calculate('6 * 7');
    });
window.calculate = code => window.kernel.send(JSON.stringify({
    header: { msg_id: String(Math.random()), username: '', session: 'one', msg_type: 'execute_request',
        version: '5.3' }, parent_header: {}, metadata: {}, channel: 'shell',
    content: { code, silent: false, store_history: true, user_expressions: {} } }));
JS

my $browser = Secsession::Browser->start;
$browser->open($here);
like $browser->url, qr{/login\?}, 'a stranger gets the login form';
$browser->type('[name=username]', 'alice');
$browser->type('[name=password]', password_of('alice'));
$browser->click('button');
wait_until { $browser->url =~ m{/jupyter/tree} } 'alice is in';
$browser->run($KERNEL);
my $says = sub { my ($what) = @_; $browser->run("return window.said.some(s => s.includes('$what'))") };
wait_until { $says->('"text/plain": "42"') } 'the kernel answers';
$postgres->psql("select secsession.revoke_user('alice', 'test')");
has_heard($postgres);
$browser->run("window.calculate('1234 + 4321')");
wait_until { $browser->run('return window.ended') } 'after the revocation the kernel is away';
ok !$says->('5555'), 'and has not answered again';
$browser->open($here);
like $browser->url, qr{/login\?}, 'nor is there a page';

done_testing;
