# A real Chromium, headless, driven by W3C WebDriver through Debian's chromium-driver.
#
#   my $browser = Secsession::Browser->start(%opt);     width, height => pixels; scripts => 0
#                                                       switches JavaScript off; hosts => 'MAP
#                                                       shop.example 127.0.0.1'
#   $browser->open($url); url, title                    after loading and every redirect
#   $browser->text($css), attribute($css, $name)        of the first element that matches; dies
#                                                       where none does in 5 s
#   $browser->type($css, $keys), click($css)            "\x{E007}" is Enter, "\x{E004}" is Tab
#   $browser->keys($keys)                               to whatever has the focus
#   $browser->run($script, @arguments)                  what the script returns
#   $browser->cookies                                   { name => { value, secure, httpOnly,
#                                                       sameSite, path, expiry } }
#   $browser->complaints                                what the browser's console says: refused by
#                                                       policy, and the like
package Secsession::Browser;

use strict;
use warnings;

use HTTP::Tiny;
use JSON::PP ();
use Secsession::Process qw(scratch spawn await free_port at_end slurp);

# the name that the standard gives to a reference
my $ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

sub is_installed { return scalar grep { -x "$_/chromedriver" } split /:/, $ENV{PATH} }

sub start {
    my ($class, %opt) = @_;
    my $folder = scratch('browser');
    my $port = free_port();
    my $self = bless { http => HTTP::Tiny->new(timeout => 120), driver => "http://127.0.0.1:$port" },
        $class;
    spawn(
        command => [ 'chromedriver', "--port=$port" ], log => "$folder/driver.log",
        env => { HOME => $folder, XDG_CONFIG_HOME => $folder, XDG_CACHE_HOME => $folder }
    );
    await { $self->{http}->get("$self->{driver}/status")->{success} }
        or die 'chromedriver does not start: ' . slurp("$folder/driver.log");
    my $size = join ',', $opt{width} // 1024, $opt{height} // 768;
    my %options = (
        args => [
            '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
            "--window-size=$size", "--user-data-dir=$folder/profile",
            $opt{hosts} ? "--host-resolver-rules=$opt{hosts}" : ()
        ]
    );
    $options{prefs} = { 'profile.managed_default_content_settings.javascript' => 2 }
        if !($opt{scripts} // 1);
    my $session = $self->call(
        POST => '/session',
        {
            capabilities => {
                alwaysMatch => {
                    browserName => 'chrome', timeouts => { implicit => 5000 },
                    'goog:chromeOptions' => \%options, 'goog:loggingPrefs' => { browser => 'ALL' }
                }
            }
        }
    );
    $self->{session} = "/session/$session->{sessionId}";
    at_end { eval { $self->call(DELETE => $self->{session}) }; return };
    return $self;
}

sub call {
    my ($self, $method, $path, $body) = @_;
    my %request =
        $body
        ? (content => JSON::PP::encode_json($body),
        headers => { 'Content-Type' => 'application/json' })
        : ();
    my $response = $self->{http}->request($method, $self->{driver} . $path, \%request);
    my $value = eval { JSON::PP::decode_json($response->{content})->{value} };
    die "$method $path: ", ref $value ? $value->{message} : $response->{content}, "\n"
        if !$response->{success};
    return $value;
}

sub get { my ($self, $path) = @_; return $self->call(GET => "$self->{session}$path") }
sub post {
    my ($self, $path, $body) = @_;
    return $self->call(POST => "$self->{session}$path", $body // {});
}

sub open { my ($self, $url) = @_; return $self->post('/url', { url => $url }) }
sub url { return $_[0]->get('/url') }
sub title { return $_[0]->get('/title') }

sub element {
    my ($self, $css) = @_;
    return '/element/'
        . $self->post('/element', { using => 'css selector', value => $css })->{$ELEMENT};
}
sub text { my ($self, $css) = @_; return $self->get($self->element($css) . '/text') }
sub attribute {
    my ($self, $css, $name) = @_;
    return $self->get($self->element($css) . "/attribute/$name");
}
sub type {
    my ($self, $css, $keys) = @_;
    return $self->post($self->element($css) . '/value', { text => $keys });
}
sub click { my ($self, $css) = @_; return $self->post($self->element($css) . '/click') }

sub keys {
    my ($self, $keys) = @_;
    my @strokes =
        map { ({ type => 'keyDown', value => $_ }, { type => 'keyUp', value => $_ }) } split //,
        $keys;
    return $self->post('/actions',
        { actions => [ { type => 'key', id => 'keyboard', actions => \@strokes } ] });
}

sub run {
    my ($self, $script, @args) = @_;
    return $self->post('/execute/sync', { script => $script, args => \@args });
}
sub cookies {
    return { map { $_->{name} => $_ } @{ $_[0]->get('/cookie') } };
}
sub complaints {
    return map { $_->{message} } @{ $_[0]->post('/se/log', { type => 'browser' }) };
}

1;
