package main

import (
	"encoding/pem"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/alecthomas/kong"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

const clusterProfile = "cluster"

func composeFile(t *testing.T, env map[string]string) types.ConfigDetails {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	return types.ConfigDetails{WorkingDir: root, Environment: env,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(root, "docker-compose.yml")}}}
}

// clusterLog is the connection string that the README gives for the cluster.
func clusterLog(t *testing.T) string {
	t.Helper()
	m := regexp.MustCompile(`ASPRAK_EVENTSTORE='(esdb://[^']*)' docker compose --profile ` + clusterProfile).FindSubmatch(readRoot(t, "README.md"))
	require.NotNil(t, m, "the README does not say how to start the cluster")
	return string(m[1])
}

// onEachProfile runs the test on the file as it is started with and without the cluster.
func onEachProfile(t *testing.T, test func(t *testing.T, project *types.Project)) {
	for name, env := range map[string]map[string]string{"": {}, clusterProfile: {"ASPRAK_EVENTSTORE": clusterLog(t)}} {
		t.Run("profile "+name, func(t *testing.T) {
			project, err := loader.LoadWithContext(t.Context(), composeFile(t, env), loader.WithProfiles([]string{name}))
			require.NoError(t, err)
			require.Equal(t, name != "", slices.Contains(project.ServiceNames(), "eventstore-1"))
			test(t, project)
		})
	}
}

// environment of the service's containers.
func environmentOf(service types.ServiceConfig) map[string]string {
	env := map[string]string{}
	for name, value := range service.Environment {
		if value != nil {
			env[name] = *value
		}
	}
	return env
}

// ours are the services that run this program, by name.
func ours(project *types.Project) map[string]types.ServiceConfig {
	found := map[string]types.ServiceConfig{}
	for name, service := range project.Services {
		if service.Build != nil {
			found[name] = service
		}
	}
	return found
}

// requireListens fails unless a service of that name is there and has the port.
func requireListens(t *testing.T, project *types.Project, host, port string) types.ServiceConfig {
	t.Helper()
	service, err := project.GetService(host)
	require.NoError(t, err)
	require.Contains(t, service.Expose, port, "%s does not listen on it", host)
	return service
}

func TestCompose_Images_ArePinnedOrBuiltHere(t *testing.T) {
	stages := readRecipe(t).stages
	onEachProfile(t, func(t *testing.T, project *types.Project) {
		for name, service := range project.Services {
			if service.Build == nil {
				require.Regexp(t, `^[a-z0-9./-]+:v?\d+\.\d+[\w.-]*$`, service.Image, name)
				continue
			}
			require.FileExists(t, filepath.Join(service.Build.Context, service.Build.Dockerfile))
			require.Equal(t, stages[len(stages)-1].Name, service.Build.Target)
		}
	})
}

func TestCompose_Programs_UnderstandTheirEnvironment(t *testing.T) {
	image := readRecipe(t)
	onEachProfile(t, func(t *testing.T, project *types.Project) {
		var roles []string
		for name, service := range ours(project) {
			env := map[string]string{}
			for _, from := range []map[string]string{image.env, environmentOf(service)} {
				for key, value := range from {
					env[key] = value
				}
			}
			require.Empty(t, service.Command, "%s runs what the image runs", name)
			require.NoError(t, understood(t, []string{"serve"}, env), name)
			require.Equal(t, []string{"CMD", "asprak"}, []string(service.HealthCheck.Test[:2]))
			require.NoError(t, understood(t, service.HealthCheck.Test[2:], env), name)
			require.Greater(t, time.Duration(*service.HealthCheck.Timeout), healthTimeout)
			require.Contains(t, service.Expose, port(env["ASPRAK_LISTEN"]), name)
			require.Equal(t, image.env["ASPRAK_DATA"], mountAt(service, "asprak").Target, "the key of the tokens lies there")
			require.True(t, service.ReadOnly)
			require.Equal(t, types.StringList{"/tmp"}, service.Tmpfs, "uploads wait there")
			require.Greater(t, time.Duration(*service.StopGracePeriod), serveDefaults(t).StopGrace+lastResort, "%s is killed before it has stopped", name)
			roles = append(roles, env["ASPRAK_ROLES"])
		}
		require.ElementsMatch(t, []string{"api", "projector", "reader"}, roles)
		require.Equal(t, 2, *project.Services["reader"].Deploy.Replicas)
	})
}

// serveDefaults are the settings of a server that is told nothing.
func serveDefaults(t *testing.T) serveCmd {
	t.Helper()
	var c cli
	k, err := kong.New(&c, kong.Vars{"version": "test"})
	require.NoError(t, err)
	_, err = k.Parse([]string{"serve"})
	require.NoError(t, err)
	return c.Serve
}

func mountAt(service types.ServiceConfig, volume string) types.ServiceVolumeConfig {
	for _, mount := range service.Volumes {
		if mount.Source == volume {
			return mount
		}
	}
	return types.ServiceVolumeConfig{}
}

func TestCompose_Log_IsReachedAsTheServerOffersIt(t *testing.T) {
	onEachProfile(t, func(t *testing.T, project *types.Project) {
		for name, service := range ours(project) {
			at, authority := trusted(t, environmentOf(service)["ASPRAK_EVENTSTORE"])
			config, err := esdb.ParseConnectionString(at)
			require.NoError(t, err, name)
			hosts := []string{config.Address}
			if len(config.GossipSeeds) > 0 {
				hosts = nil
				for _, seed := range config.GossipSeeds {
					hosts = append(hosts, seed.String())
				}
				mount := mountAt(service, "certificates").Target
				require.Equal(t, mount+"/ca/ca.crt", authority)
				require.Contains(t, strings.Join(project.Services["certificates"].Command, "\n"), "cd "+mount+"\n")
				require.Contains(t, strings.Join(project.Services["certificates"].Command, "\n"), "create-ca -out ./ca\n")
			}
			for _, at := range hosts {
				host, port, _ := strings.Cut(at, ":")
				server := environmentOf(requireListens(t, project, host, port))
				require.Equal(t, config.DisableTLS, server["EVENTSTORE_INSECURE"] == "true", "%s talks to %s", name, host)
				require.Equal(t, strconv.Itoa(len(hosts)), server["EVENTSTORE_CLUSTER_SIZE"])
				require.Equal(t, types.ServiceConditionHealthy, service.DependsOn[host].Condition, "%s waits for %s", name, host)
			}
		}
	})
}

// trusted puts an authority of this machine in the place of the container's, as the client
// reads the file at once.
func trusted(t *testing.T, connection string) (here, authority string) {
	t.Helper()
	m := regexp.MustCompile(`tlsCAFile=([^&]*)`).FindStringSubmatch(connection)
	if m == nil {
		return connection, ""
	}
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	file := filepath.Join(t.TempDir(), "ca.crt")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, os.WriteFile(file, certificate, 0o600))
	return strings.Replace(connection, m[1], file, 1), m[1]
}

func TestCompose_Cluster_NodesKnowEachOther(t *testing.T) {
	project, err := loader.LoadWithContext(t.Context(), composeFile(t, nil), loader.WithProfiles([]string{clusterProfile}))
	require.NoError(t, err)
	makes := strings.Join(project.Services["certificates"].Command, "\n")
	addresses := map[string]string{}
	for _, name := range []string{"eventstore-1", "eventstore-2", "eventstore-3"} {
		addresses[name] = project.Services[name].Networks["default"].Ipv4Address
	}
	for name, address := range addresses {
		service := project.Services[name]
		env := environmentOf(service)
		var others []string
		for other, at := range addresses {
			if other != name {
				others = append(others, at+":2113")
			}
		}
		require.ElementsMatch(t, others, strings.Split(env["EVENTSTORE_GOSSIP_SEED"], ","), name)
		require.Equal(t, address, env["EVENTSTORE_REPLICATION_IP"])
		require.Equal(t, name, env["EVENTSTORE_ADVERTISE_HOST_TO_CLIENT_AS"])
		folder := path.Join(mountAt(service, "certificates").Target, name)
		require.Equal(t, folder+"/node.crt", env["EVENTSTORE_CERTIFICATE_FILE"])
		require.Equal(t, folder+"/node.key", env["EVENTSTORE_CERTIFICATE_PRIVATE_KEY_FILE"])
		require.Equal(t, types.ServiceConditionCompletedSuccessfully, service.DependsOn["certificates"].Condition)
		// The script numbers the nodes.
		number := name[len(name)-1:]
		require.Contains(t, strings.ReplaceAll(makes, "$n", number), "-ip-addresses 127.0.0.1,"+address+" -dns-names localhost,"+name)
	}
}

func TestCompose_Database_IsReachedAsItIsSetUp(t *testing.T) {
	onEachProfile(t, func(t *testing.T, project *types.Project) {
		for name, service := range ours(project) {
			at, err := url.Parse(environmentOf(service)["ASPRAK_DATABASE"])
			require.NoError(t, err)
			server := environmentOf(requireListens(t, project, at.Hostname(), at.Port()))
			password, _ := at.User.Password()
			require.Equal(t, server["POSTGRES_USER"], at.User.Username())
			require.Equal(t, server["POSTGRES_PASSWORD"], password)
			require.Equal(t, "/"+server["POSTGRES_DB"], at.Path)
			require.Equal(t, types.ServiceConditionHealthy, service.DependsOn[at.Hostname()].Condition, name)
		}
	})
}

func TestCompose_Documents_AreKeptAsTheStorageIsSetUp(t *testing.T) {
	onEachProfile(t, func(t *testing.T, project *types.Project) {
		settings := project.Configs["garage"].Content
		for name, service := range ours(project) {
			env := environmentOf(service)
			at, err := url.Parse(env["ASPRAK_BLOBS"])
			require.NoError(t, err)
			require.Equal(t, "s3", at.Scheme)
			endpoint, err := url.Parse(at.Query().Get("endpoint"))
			require.NoError(t, err)
			server := environmentOf(requireListens(t, project, endpoint.Hostname(), endpoint.Port()))
			require.Equal(t, server["GARAGE_DEFAULT_BUCKET"], at.Host)
			require.Equal(t, server["GARAGE_DEFAULT_ACCESS_KEY"], env["AWS_ACCESS_KEY_ID"])
			require.Equal(t, server["GARAGE_DEFAULT_SECRET_KEY"], env["AWS_SECRET_ACCESS_KEY"])
			require.Contains(t, settings, `s3_region = "`+at.Query().Get("region")+`"`)
			require.Contains(t, settings, `api_bind_addr = "0.0.0.0:`+endpoint.Port()+`"`)
			require.Equal(t, types.ServiceConditionHealthy, service.DependsOn[endpoint.Hostname()].Condition, name)
		}
		mount := mountAt(project.Services["storage"], "storage").Target
		for _, folder := range []string{"meta", "data"} {
			require.Contains(t, settings, `_dir = "`+mount+"/"+folder+`"`)
		}
	})
}

func TestCompose_Prometheus_AsksEveryProgram(t *testing.T) {
	onEachProfile(t, func(t *testing.T, project *types.Project) {
		var config struct {
			Scrape []struct {
				Targets []struct {
					Names []string `yaml:"names"`
					Type  string   `yaml:"type"`
					Port  int      `yaml:"port"`
				} `yaml:"dns_sd_configs"`
			} `yaml:"scrape_configs"`
		}
		require.NoError(t, yaml.Unmarshal([]byte(project.Configs["prometheus"].Content), &config))
		asked := map[string]bool{}
		for _, scrape := range config.Scrape {
			for _, target := range scrape.Targets {
				require.Equal(t, "A", target.Type)
				for _, name := range target.Names {
					requireListens(t, project, name, strconv.Itoa(target.Port))
					asked[name] = true
				}
			}
		}
		for name := range ours(project) {
			require.True(t, asked[name], name)
		}
	})
}

func TestCompose_Services_StartInOrderAndShowTheirHealth(t *testing.T) {
	onEachProfile(t, func(t *testing.T, project *types.Project) {
		for name, service := range project.Services {
			if service.Restart == types.RestartPolicyNo {
				require.Nil(t, service.HealthCheck, "%s ends by itself", name)
			} else {
				require.Equal(t, types.RestartPolicyUnlessStopped, service.Restart, name)
				require.NotNil(t, service.HealthCheck, name)
				require.Contains(t, []string{"CMD", "CMD-SHELL"}, service.HealthCheck.Test[0], name)
				for _, m := range regexp.MustCompile(`localhost:(\d+)`).FindAllStringSubmatch(strings.Join(service.HealthCheck.Test, " "), -1) {
					require.Contains(t, service.Expose, m[1], "%s is asked on another port", name)
				}
			}
			for on, how := range service.DependsOn {
				other, started := project.Services[on]
				if !started {
					require.False(t, how.Required, "%s waits for %s, which is not started", name, on)
					require.Contains(t, project.DisabledServices, on, name)
					continue
				}
				switch how.Condition {
				case types.ServiceConditionHealthy:
					require.NotNil(t, other.HealthCheck, "%s waits for the health of %s", name, on)
				case types.ServiceConditionCompletedSuccessfully:
					require.Equal(t, types.RestartPolicyNo, other.Restart, "%s waits for the end of %s", name, on)
				default:
					t.Errorf("%s waits for no more than the start of %s", name, on)
				}
			}
			for _, published := range service.Ports {
				require.Equal(t, "127.0.0.1", published.HostIP, name)
				require.Contains(t, service.Expose, strconv.Itoa(int(published.Target)), name)
			}
		}
	})
}

func TestCompose_VolumesAndConfigs_AreThereAndUsed(t *testing.T) {
	used := map[string]bool{}
	onEachProfile(t, func(t *testing.T, project *types.Project) {
		for name, service := range project.Services {
			for _, mount := range service.Volumes {
				require.Equal(t, types.VolumeTypeVolume, mount.Type, "%s mounts a folder of the host", name)
				require.Contains(t, project.Volumes, mount.Source, name)
				used[mount.Source] = true
			}
			for _, config := range service.Configs {
				if file := project.Configs[config.Source].File; file != "" {
					require.FileExists(t, file)
				} else {
					require.NotEmpty(t, project.Configs[config.Source].Content, "%s: %s", name, config.Source)
				}
				used[config.Source] = true
			}
			for variable, value := range environmentOf(service) {
				for _, m := range regexp.MustCompile(`/certificates/[^&?]*`).FindAllString(value, -1) {
					require.NotEmpty(t, mountAt(service, "certificates").Target, "%s: %s names %s", name, variable, m)
				}
			}
		}
	})
	project, err := loader.LoadWithContext(t.Context(), composeFile(t, nil), loader.WithProfiles([]string{clusterProfile}))
	require.NoError(t, err)
	for _, declared := range append(project.VolumeNames(), project.ConfigNames()...) {
		require.True(t, used[declared], "nothing uses %s", declared)
	}
}

// Whoever clones this starts it with no setting at all.
func TestCompose_Variables_HaveDefaults(t *testing.T) {
	details := composeFile(t, nil)
	var model map[string]any
	source, err := os.ReadFile(details.ConfigFiles[0].Filename)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(source, &model))
	variables := template.ExtractVariables(model, template.DefaultPattern)
	require.NotEmpty(t, variables)
	for name, variable := range variables {
		require.NotEmpty(t, variable.DefaultValue, name)
		require.False(t, variable.Required, name)
	}
}
