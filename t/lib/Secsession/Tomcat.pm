# A private Tomcat 10 of unpacked packages, with connectors for AJP that know the secret "secret".
#
#   my $tomcat = Secsession::Tomcat->start($root, users => { alice => [ 'password', 'roles' ] },
#       applications => { examples => $folder });
#   $tomcat->port       where an application asks for the password itself
#   $tomcat->trusting   where it takes the user from httpd
#   $tomcat->text, asked     what applications were given, as of Secsession::App's recorder()
#   $tomcat->expect($query)  asked() waits for the request with that, since Tomcat writes a request
#                            down when its answer has long gone
package Secsession::Tomcat;

use strict;
use warnings;

use IO::Socket::INET;
use Secsession::Process qw(am_root await free_port run scratch slurp spawn spew);

sub start {
    my ($class, $root, %opt) = @_;
    my $home = "$root/usr/share/tomcat10";
    my $base = scratch('tomcat');
    my $self = bless { base => $base, port => free_port(), trusting => free_port() }, $class;
    mkdir "$base/$_" or die "$base/$_: $!" for qw(conf logs temp work webapps);
    run([ 'cp', (map { "$home/etc/$_" } qw(catalina.properties context.xml logging.properties web.xml)),
        "$base/conf" ]);
    spew("$base/conf/tomcat-users.xml", users($opt{users}));
    spew("$base/conf/server.xml", $self->server_xml($opt{applications}));
    run([ 'chown', '-R', 'www-data:', $base ]) if am_root();
    spawn(
        command => [
            'java', '-cp', "$home/bin/bootstrap.jar:$home/bin/tomcat-juli.jar",
            "-Dcatalina.home=$home", "-Dcatalina.base=$base", "-Djava.io.tmpdir=$base/temp",
            '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1',
            'org.apache.catalina.startup.Bootstrap', 'start'
        ],
        am_root() ? (user => 'www-data') : (),
        log => "$base/log"
    );
    await { is_open($self->port) && is_open($self->trusting) } 120
        or die 'Tomcat does not start: ' . slurp("$base/log");
    return $self;
}

sub is_open { return IO::Socket::INET->new(PeerAddr => "127.0.0.1:$_[0]") }
sub port { return $_[0]{port} }
sub trusting { return $_[0]{trusting} }

sub users {
    my ($users) = @_;
    return join "\n", '<tomcat-users>',
        (map { qq{<user username="$_" password="$users->{$_}[0]" roles="$users->{$_}[1]"/>} }
            sort keys %$users), '</tomcat-users>', '';
}

sub connector {
    my ($port, $more) = @_;
    return qq{<Connector protocol="AJP/1.3" address="127.0.0.1" port="$port" secret="secret" $more/>};
}

sub server_xml {
    my ($self, $applications) = @_;
    my @contexts = map { qq{<Context path="/$_" docBase="$applications->{$_}" privileged="true"/>} }
        sort keys %$applications;
    return <<"XML";
<Server port="-1">
  <GlobalNamingResources>
    <Resource name="UserDatabase" type="org.apache.catalina.UserDatabase"
      factory="org.apache.catalina.users.MemoryUserDatabaseFactory"
      pathname="conf/tomcat-users.xml"/>
  </GlobalNamingResources>
  <Service name="Catalina">
    @{[ connector($self->port, '') ]}
    @{[ connector($self->trusting, 'tomcatAuthentication="false" tomcatAuthorization="true"') ]}
    <Engine name="Catalina" defaultHost="localhost">
      <Realm className="org.apache.catalina.realm.UserDatabaseRealm" resourceName="UserDatabase"/>
      <Host name="localhost" appBase="webapps" autoDeploy="false">
        @contexts
        <Valve className="org.apache.catalina.valves.AccessLogValve" directory="logs" buffered="false"
          prefix="given" suffix="" rotatable="false" pattern="%r&#9;%{Cookie}i&#9;%{Authorization}i"/>
      </Host>
    </Engine>
  </Service>
</Server>
XML
}

sub text { return slurp("$_[0]{base}/logs/given") }
sub expect { my ($self, $query) = @_; return $self->{expected} = $query }

sub asked {
    my ($self) = @_;
    await { index($self->text, $self->{expected}) >= 0 } 20 or die "no request $self->{expected}";
    return map { { server => { HTTP_COOKIE => $_ } } } grep { $_ ne '-' } map { (split /\t/)[1] }
        split /\n/, $self->text;
}

1;
