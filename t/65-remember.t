# Users of an application with a login of its own stay signed in if its form asks for that and
# SecSessionRemember allows it.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Programs 'answering';

my ($postgres, $httpd) = start_servers(config => <<'CONFIG');
ScriptAliasMatch "^/(?:app-in|when|never)/(headers|show)(.*)$" "@FOLDER@/cgi-bin/$1$2"
<Location "/app-in/">
    SecSessionAppLogin On
    SecSessionRemember 30d 7d
</Location>
<Location "/when/">
    SecSessionLoginWhen "resp('X-In') == '1'" field=user
    SecSessionRemember 30d field=rememberme
</Location>
<Location "/never/">
    SecSessionAppLogin On
</Location>
CONFIG

my %SAYS = (
    'app-in' => 'SecSession-Login: erika', never => 'SecSession-Login: erika', when => 'X-In: 1'
);

# How long the cookie lasts, rounded to days; 0: until the browser is closed.
sub lasts {
    my ($place, $fields, %opt) = @_;
    my $client = $httpd->client;
    my $response = $client->post_form(answering($place, $SAYS{$place}),
        { user => 'erika', password => 'secret', %$fields }, %opt);
    my $cookie = $response->cookie('__Host-secsession') // die 'no login: ' . $response->status;
    return $cookie =~ /; Max-Age=(\d+)/ ? int($1 / 86_400 + 0.5) : 0;
}

my %FIELD = ('app-in' => 'remember', when => 'rememberme');
for my $place (sort keys %FIELD) {
    my ($field) = $FIELD{$place};
    subtest "/$place/: a form with the field $field" => sub {
        is lasts($place, { $field => $_ }), 30, "$_: stays signed in" for qw(1 on forever);
        is lasts($place, { $field => $_ }), 0, "\"$_\": does not" for '', qw(0 off no FALSE);
        is lasts($place, {}), 0, 'without it: does not';
        is lasts($place, { remember => 1, rememberme => 1 }), 30, 'with both fields: its own counts';
    };
}

subtest 'who is remembered' => sub {
    $postgres->psql('delete from secsession.session');
    lasts('app-in', { remember => 1 });
    is $postgres->value('select idle_timeout from secsession.session'), 7 * 86_400,
        'has the limits of SecSessionRemember';
    is $postgres->value('select persistent from secsession.session'), 't', 'in the database, too';
    is lasts('when', { remember => 1 }), 0, 'not by a field that another place has';
    is lasts('never', { remember => 1 }), 0, 'nobody where SecSessionRemember is off';
    my $response = $httpd->get(answering('app-in', $SAYS{'app-in'}) . '&remember=1');
    unlike $response->cookie('__Host-secsession'), qr/Max-Age/, 'nor by an address';
};

done_testing;
