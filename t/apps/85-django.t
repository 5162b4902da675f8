# The administration that comes with Django, Debian's package: its own login form, its own cookies.
use lib 't/lib';
use Secsession::Test;
use Secsession::App;
use Secsession::Httpd;
use Secsession::Process qw(am_root await free_port run scratch slurp spawn spew);
use IO::Socket::INET;

my $root = unpacked('usr/lib/python3/dist-packages/django');
my ($USER, $PASSWORD) = ('alice', 'correct horse battery');
my ($folder, $port) = (scratch('django'), free_port());
spew("$folder/site_settings.py", <<"PY");
DEBUG, SECRET_KEY, ALLOWED_HOSTS = False, 'only for this test', ['*']
ROOT_URLCONF, STATIC_URL, USE_TZ = 'urls', '/admin/static/', True
DEFAULT_AUTO_FIELD = 'django.db.models.AutoField'
INSTALLED_APPS = ['django.contrib.' + name for name in
    ('admin', 'auth', 'contenttypes', 'sessions', 'messages')]
MIDDLEWARE = ['recorded.record', 'django.contrib.sessions.middleware.SessionMiddleware',
    'django.middleware.csrf.CsrfViewMiddleware',
    'django.contrib.auth.middleware.AuthenticationMiddleware',
    'django.contrib.messages.middleware.MessageMiddleware']
TEMPLATES = [{'BACKEND': 'django.template.backends.django.DjangoTemplates', 'APP_DIRS': True,
    'OPTIONS': {'context_processors': ['django.template.context_processors.request',
        'django.contrib.auth.context_processors.auth',
        'django.contrib.messages.context_processors.messages']}}]
DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': '$folder/db'}}
PY
spew("$folder/urls.py", <<"PY");
from django.contrib import admin
from django.urls import path
urlpatterns = [path('admin/', admin.site.urls)]
PY
spew("$folder/recorded.py", <<"PY");
import json
def record(get_response):
    def middleware(request):
        given = {key: str(value) for key, value in request.META.items() if key.isupper()}
        with open('$folder/given', 'a') as out:
            out.write(json.dumps({'server': given, 'cookies': request.COOKIES}) + '\\n')
        return get_response(request)
    return middleware
PY
my %env = (PYTHONPATH => "$folder:$root/usr/lib/python3/dist-packages",
    DJANGO_SETTINGS_MODULE => 'site_settings', PYTHONDONTWRITEBYTECODE => 1,
    DJANGO_SUPERUSER_PASSWORD => $PASSWORD);
for my $command ([qw(migrate)],
    [ 'createsuperuser', '--noinput', '--username', $USER, '--email', 'alice@example.org' ]) {
    my ($exit, $out, $err) = run([ '/usr/bin/python3', '-m', 'django', @$command ], env => \%env);
    is $exit, 0, "$command->[0] has run" or diag $out, $err;
}
give_away($folder);
spawn(command => [ '/usr/bin/python3', '-m', 'django', 'runserver', '--noreload', "127.0.0.1:$port" ],
    env => \%env, am_root() ? (user => 'www-data') : (), log => "$folder/log");
await { IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") } 60
    or die 'Django does not start: ' . slurp("$folder/log");

my $record = recorder("$folder/given");
my $config = configuration('django', 'http://127.0.0.1:8000' => "http://127.0.0.1:$port");
my @modules = (modules => [qw(proxy proxy_http)]);
my ($postgres, $httpd) = start_servers(config => $config, @modules);
my $bare = Secsession::Httpd->start(module => 0, config => without_sessions($config), @modules);

sub who {
    my ($visitor) = @_;
    my $page = $visitor->page('/admin/')->body;
    return $1 if $page =~ m{Welcome,\s*<strong>(\w+)</strong>};
    die "no page of Django: $page" unless $page =~ /id="login-form"/;
    return '';
}

sub log_in {
    my ($visitor, $user, $password) = @_;
    my ($fields) = form($visitor->page('/admin/login/?next=/admin/'), qr/id="login-form"/);
    return $visitor->submit('/admin/login/?next=/admin/',
        { %$fields, username => $user // $USER, password => $password // $PASSWORD });
}

check_application(
    servers => [ $postgres, $httpd ], record => $record, user => $USER, bare => $bare,
    cookies => qr/^sessionid$/, who => \&who, log_in => \&log_in,
    log_out => sub { $_[0]->page('/admin/logout/') },
    fail => sub { log_in($_[0], $USER, 'wrong') }
);

done_testing;
