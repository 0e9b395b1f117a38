// A control plane for Envoy: the incremental aggregated discovery service
// (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol).  A version of a service is a
// cluster with its endpoints, an environment a scope with routes of its own, so that a change of one
// sends that one.  What routes lead to is sent and acknowledged before the routes are, and clusters
// that went go behind them.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"sort"
	"strconv"
	"strings"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	clusterType  = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	endpointType = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
	scopeType    = "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration"
	routeType    = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
)

// --- resources ----------------------------------------------------------------------------------

type name struct{ kind, name string }

type resource struct {
	revision int64
	message  proto.Message
}

type plane struct {
	discovery.UnimplementedAggregatedDiscoveryServiceServer
	store     *store
	instances map[string]map[string][]byte // of a version: key to value
	resources map[name]resource
	dirty     map[name]bool // since the stream has looked
}

func (p *plane) set(kind, id string, revision int64, message proto.Message) {
	p.resources[name{kind, id}] = resource{revision, message}
	p.dirty[name{kind, id}] = true
}

func (p *plane) drop(kind, id string) {
	delete(p.resources, name{kind, id})
	p.dirty[name{kind, id}] = true
}

var ads = &core.ConfigSource{ResourceApiVersion: core.ApiVersion_V3,
	ConfigSourceSpecifier: &core.ConfigSource_Ads{Ads: &core.AggregatedConfigSource{}}}

func newCluster(id string) *cluster.Cluster {
	return &cluster.Cluster{Name: id, ConnectTimeout: durationpb.New(2 * time.Second),
		ClusterDiscoveryType: &cluster.Cluster_Type{Type: cluster.Cluster_EDS},
		EdsClusterConfig:     &cluster.Cluster_EdsClusterConfig{EdsConfig: ads}}
}

// "ADDRESS:PORT", or an object.
func newEndpoint(value []byte) *endpoint.LbEndpoint {
	instance := struct {
		Address      string
		Port, Weight uint32
	}{Weight: 100}
	if value[0] == '{' {
		if err := json.Unmarshal(value, &instance); err != nil {
			log.Fatal(err)
		}
	} else {
		host, port, _ := net.SplitHostPort(string(value))
		number, _ := strconv.ParseUint(port, 10, 16)
		instance.Address, instance.Port = host, uint32(number)
	}
	if instance.Weight == 0 {
		return nil
	}
	return &endpoint.LbEndpoint{LoadBalancingWeight: wrapperspb.UInt32(instance.Weight),
		HostIdentifier: &endpoint.LbEndpoint_Endpoint{Endpoint: &endpoint.Endpoint{
			Address: &core.Address{Address: &core.Address_SocketAddress{
				SocketAddress: &core.SocketAddress{Address: instance.Address,
					PortSpecifier: &core.SocketAddress_PortValue{PortValue: instance.Port}}}}}}}
}

func (p *plane) takeInstance(key string, value []byte, revision int64) {
	parts := strings.Split(key, "/") // backends/SERVICE/VERSION/INSTANCE
	id := parts[1] + ":" + parts[2]
	all := p.instances[id]
	if value == nil {
		delete(all, key)
	} else if all == nil {
		all = map[string][]byte{key: value}
		p.instances[id] = all
		p.set(clusterType, id, revision, newCluster(id))
	} else {
		all[key] = value
	}
	if len(all) == 0 {
		delete(p.instances, id)
		p.drop(clusterType, id)
		p.drop(endpointType, id)
		return
	}
	group := &endpoint.LocalityLbEndpoints{}
	for _, value := range all {
		if one := newEndpoint(value); one != nil {
			group.LbEndpoints = append(group.LbEndpoints, one)
		}
	}
	p.set(endpointType, id, revision, &endpoint.ClusterLoadAssignment{ClusterName: id,
		Endpoints: []*endpoint.LocalityLbEndpoints{group}})
}

func newRoute(prefix, id string) *route.Route {
	return &route.Route{
		Match: &route.RouteMatch{PathSpecifier: &route.RouteMatch_Prefix{Prefix: prefix}},
		Action: &route.Route_Route{Route: &route.RouteAction{
			ClusterSpecifier: &route.RouteAction_Cluster{Cluster: id},
			Timeout:          durationpb.New(time.Minute)}}}
}

func (p *plane) takeEnvironment(id string, value []byte, revision int64) {
	var env struct {
		Services []struct{ Name, Version, Route string }
	}
	if value == nil {
		p.drop(scopeType, id)
		p.drop(routeType, id)
		return
	}
	if err := json.Unmarshal(value, &env); err != nil {
		log.Fatal(err)
	}
	host := &route.VirtualHost{Name: id, Domains: []string{"*"},
		RetryPolicy: &route.RetryPolicy{RetryOn: "connect-failure,refused-stream",
			NumRetries: wrapperspb.UInt32(3)}}
	sort.Slice(env.Services, func(i, j int) bool {
		return len(env.Services[i].Route) > len(env.Services[j].Route)
	})
	for _, service := range env.Services {
		host.Routes = append(host.Routes, newRoute(service.Route, service.Name+":"+service.Version))
	}
	p.set(routeType, id, revision, &route.RouteConfiguration{Name: id,
		VirtualHosts: []*route.VirtualHost{host}, ValidateClusters: wrapperspb.Bool(false)})
	if _, known := p.resources[name{scopeType, id}]; !known {
		p.set(scopeType, id, revision, newScope(id))
	}
}

func newScope(id string) *route.ScopedRouteConfiguration {
	return &route.ScopedRouteConfiguration{Name: id, RouteConfigurationName: id,
		Key: &route.ScopedRouteConfiguration_Key{
			Fragments: []*route.ScopedRouteConfiguration_Key_Fragment{{
				Type: &route.ScopedRouteConfiguration_Key_Fragment_StringKey{
					StringKey: "www-" + id + ".example.com"}}}}}
}

func (p *plane) take(key string, value []byte, revision int64) {
	if id, found := strings.CutPrefix(key, "environments/"); found {
		p.takeEnvironment(id, value, revision)
	} else if strings.HasPrefix(key, "backends/") {
		p.takeInstance(key, value, revision)
	}
}

// --- one stream -------------------------------------------------------------------------------

type stream struct {
	plane      *plane
	out        discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesServer
	view       map[name]resource // all of one revision, whatever comes meanwhile
	changed    map[string][]string
	gone       map[string][]string
	subscribed map[name]bool
	awaited    map[string]bool // nonces that are not acknowledged
	warming    map[string]bool // new clusters whose endpoints have not been asked for
	nonce      int
}

// Kinds of which Envoy wants all.
func isWild(kind string) bool { return kind == clusterType || kind == scopeType }

func (s *stream) wants(kind, id string) bool {
	return isWild(kind) || s.subscribed[name{kind, id}]
}

func (s *stream) send(kind string, ids, gone []string) error {
	reply := &discovery.DeltaDiscoveryResponse{TypeUrl: kind}
	for _, id := range ids {
		have, found := s.view[name{kind, id}]
		if !found || !s.wants(kind, id) {
			continue
		}
		body, err := anypb.New(have.message)
		if err != nil {
			return err
		}
		reply.Resources = append(reply.Resources, &discovery.Resource{Name: id,
			Version: fmt.Sprint(have.revision), Resource: body})
		if kind == clusterType && !s.subscribed[name{endpointType, id}] {
			s.warming[id] = true
		}
	}
	for _, id := range gone {
		delete(s.view, name{kind, id})
		if s.wants(kind, id) {
			reply.RemovedResources = append(reply.RemovedResources, id)
		}
	}
	if len(reply.Resources)+len(reply.RemovedResources) == 0 {
		return nil
	}
	s.nonce++
	reply.Nonce = fmt.Sprint(s.nonce)
	s.awaited[reply.Nonce] = true
	return s.out.Send(reply)
}

func (s *stream) on(request *discovery.DeltaDiscoveryRequest) error {
	if request.ErrorDetail != nil {
		log.Printf("refused: %s: %s", request.TypeUrl, request.ErrorDetail.Message)
	}
	delete(s.awaited, request.ResponseNonce)
	for _, id := range request.ResourceNamesUnsubscribe {
		delete(s.subscribed, name{request.TypeUrl, id})
	}
	for _, id := range request.ResourceNamesSubscribe {
		s.subscribed[name{request.TypeUrl, id}] = true
		if request.TypeUrl == endpointType {
			delete(s.warming, id)
		}
	}
	if isWild(request.TypeUrl) || len(request.ResourceNamesSubscribe) == 0 {
		return nil
	}
	return s.send(request.TypeUrl, request.ResourceNamesSubscribe, nil)
}

// What has changed since this was done last is the next that is sent.
func (s *stream) takeDirty() {
	s.changed, s.gone = map[string][]string{}, map[string][]string{}
	for name := range s.plane.dirty {
		if have, found := s.plane.resources[name]; found {
			s.view[name] = have
			s.changed[name.kind] = append(s.changed[name.kind], name.name)
		} else {
			s.gone[name.kind] = append(s.gone[name.kind], name.name)
		}
	}
	s.plane.dirty = map[name]bool{}
}

// One behind the other, each when what was sent before is acknowledged.
var steps = []func(s *stream) error{
	func(s *stream) error { return s.send(clusterType, s.changed[clusterType], nil) },
	func(s *stream) error { return s.send(endpointType, s.changed[endpointType], nil) },
	func(s *stream) error { return s.send(routeType, s.changed[routeType], nil) },
	func(s *stream) error { return s.send(scopeType, s.changed[scopeType], s.gone[scopeType]) },
	func(s *stream) error { return s.send(routeType, nil, s.gone[routeType]) },
	func(s *stream) error { return s.send(clusterType, nil, s.gone[clusterType]) },
	func(s *stream) error { return s.send(endpointType, nil, s.gone[endpointType]) },
}

func (s *stream) run(requests chan *discovery.DeltaDiscoveryRequest) error {
	for step := len(steps); ; {
		s.plane.store.Lock()
		changed := s.plane.store.changed
		if step == len(steps) && len(s.plane.dirty) != 0 {
			s.takeDirty()
			step = 0
		}
		s.plane.store.Unlock()
		for ; step < len(steps) && len(s.awaited)+len(s.warming) == 0; step++ {
			if err := steps[step](s); err != nil {
				return err
			}
		}
		if step == len(steps) && len(s.awaited) == 0 && s.plane.isDirty() {
			continue
		}
		select {
		case request, open := <-requests:
			if !open {
				return nil
			}
			if err := s.on(request); err != nil {
				return err
			}
		case <-changed:
		}
	}
}

func (p *plane) isDirty() bool {
	p.store.Lock()
	defer p.store.Unlock()
	return len(p.dirty) != 0
}

// One Envoy alone asks: what it is to be sent is kept with the plane.
func (p *plane) DeltaAggregatedResources(out discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	requests := make(chan *discovery.DeltaDiscoveryRequest)
	s := &stream{plane: p, out: out, view: map[name]resource{}, subscribed: map[name]bool{}, awaited: map[string]bool{},
		warming: map[string]bool{}}
	p.store.Lock()
	for name := range p.resources {
		p.dirty[name] = true
	}
	p.store.Unlock()
	go func() {
		defer close(requests)
		for {
			request, err := out.Recv()
			if err != nil {
				return
			}
			requests <- request
		}
	}()
	return s.run(requests)
}

func serveEnvoy(etcd, prefix, listen string) error {
	p := &plane{instances: map[string]map[string][]byte{}, resources: map[name]resource{},
		dirty: map[name]bool{}}
	p.store = openStore(etcd, prefix, p.take)
	socket, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	discovery.RegisterAggregatedDiscoveryServiceServer(server, p)
	return server.Serve(socket)
}
