# What an application changes in the vault is not read from the database again by the server that
# has written it, and yet nobody sees anything but the newest: whoever writes, and wherever.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Programs 'answering';

my $CONFIG = <<'CONFIG';
<Location "/v/">
    SecSessionVault APPID* mine_*
    SecSessionAppLogin On
</Location>
ScriptAliasMatch "^/v/(headers|show|late)(.*)$" "@FOLDER@/cgi-bin/$1$2"
CONFIG
my %CGI = (late => <<'PERL');
my ($name, $cookie) = split /,/, $ENV{QUERY_STRING};
open my $started, '>', "$state/$name.started" or die "$state/$name.started: $!";
close $started;
my $end = time + 30;
select undef, undef, undef, 0.01 until -e "$state/$name.go" || time > $end;
print "Set-Cookie: $cookie; path=/\nContent-Type: text/plain\n\nlate\n";
PERL
my ($postgres, $httpd) = start_servers(
    children => 2, threads => 8, database => { log_statements => 1 }, cgi => \%CGI,
    config => $CONFIG);
my $other = Secsession::Httpd->start(postgres => $postgres, cgi => \%CGI, files => {},
    config => Secsession::Test::standard_config(config => $CONFIG));

sub at {
    my ($client, $there) = @_;
    my $copy = $client->clone;
    $copy->{port} = $there->port;
    return $copy;
}
sub logged_in {
    my $client = $httpd->client;
    $client->get(answering('v', 'SecSession-Login: erika', map { "Set-Cookie: $_; path=/" } @_));
    return $client;
}
sub set {
    my ($client, @cookies) = @_;
    my $response = $client->get(answering('v', map { "Set-Cookie: $_" } @cookies));
    is $response->status, 200, "set: @cookies";
    return;
}
sub seen { return environment_of($_[0]->get('/v/show'))->{HTTP_COOKIE} // '' }
sub read_again { return $postgres->statements(undef, qr/vault_of/) }

subtest 'one server' => sub {
    my $client = logged_in('APPID=0', 'APPID2=x');
    is seen($client), 'APPID=0; APPID2=x', 'the application sees its cookies';
    my $before = read_again();
    for my $n (1 .. 5) {
        set($client, "APPID=$n; path=/", ("mine_$n=1; path=/") x ($n == 3));
        my $more = $n >= 3 ? '; mine_3=1' : '';
        is seen($client), "APPID=$n; APPID2=x$more", "$n: as they have become" for 1, 2;
    }
    set($client, 'APPID2=; path=/; Max-Age=0', 'APPID=5; path=/; Max-Age=3600');
    is seen($client), 'APPID=5; mine_3=1', 'without what was removed';
    set($client, 'mine_3=2; path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT', 'mine_4=4; path=/v/');
    is seen($client), 'mine_4=4; APPID=5', 'nor what has expired';
    is read_again() - $before, 0, 'none of which was read from the database';
};

subtest 'two servers' => sub {
    my $client = logged_in('APPID=0');
    my ($here, $there) = ($client, at($client, $other));
    is seen($there), 'APPID=0', 'both know the cookie';
    for my $n (1 .. 3) {
        set($here, "APPID=$n; path=/");
        has_heard($postgres);
        is seen($there), "APPID=$n" . ($n > 1 ? '; mine_there=' . ($n - 1) : ''),
            "$n: the other one sees what the first has written";
        set($there, "mine_there=$n; path=/");
        has_heard($postgres);
        is seen($here), "APPID=$n; mine_there=$n", "$n: and the first what the other has written";
    }
    set($here, 'APPID=a; path=/');
    set($there, 'mine_there=b; path=/');
    has_heard($postgres);
    is seen($_), 'APPID=a; mine_there=b', 'also if neither had heard of the other yet'
        for $here, $there;
};

subtest 'two responses at once' => sub {
    for my $where ($httpd, $other) {
        my $client = logged_in('APPID=0');
        is seen($client), 'APPID=0', 'the first begins with what was there';
        my $name = 'late' . $where->port;
        my $late = $client->clone->start_request(GET => "/v/late?$name,mine_late=1");
        ok $httpd->slow_started($name), 'and takes its time';
        set(at($client, $where), 'APPID=1; path=/');
        $httpd->let_go($name);
        is $late->finish->status, 200, 'the second is over before it';
        has_heard($postgres);
        is seen(at($client, $_)), 'APPID=1; mine_late=1', 'nothing of either is lost'
            for $httpd, $other;
    }
};

done_testing;
