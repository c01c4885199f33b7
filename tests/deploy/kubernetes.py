#!/usr/bin/python3
"""Renders deploy/kubernetes and holds it to what Kubernetes accepts, to the restricted profile, and to what the
gateway does: tests/deploy/kubernetes.py BUILD

The last line says "N passed, N failed".
"""

import copy
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib

from manifests import ROOT, VARIANTS, containers_of, gateway_of, lay_out, of_kind, pod_of, render

HERE = os.path.dirname(os.path.abspath(__file__))
UNITS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600}


def seconds(text):
    number, unit = text.split()
    return float(number) * UNITS[unit]


def fetch_models():
    """The npm packages of the schemas, where they are not there already."""
    if not os.path.exists(os.path.join(HERE, "node", "node_modules", "typescript")):
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"],
                       cwd=os.path.join(HERE, "node"), check=True, stdin=subprocess.DEVNULL, timeout=300)


def validate(objects):
    """What is wrong with them, each with the index of its object."""
    done = subprocess.run(["node", os.path.join(HERE, "node", "validate.mjs")], input=json.dumps(objects),
                          capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return [(int(line.split(" ", 1)[0]), line.split(" ", 1)[1]) for line in json.loads(done.stdout)]


def restricted(pod):
    """What the Pod Security Standards' restricted profile has against a pod; [] : nothing."""
    wrong = []
    own = pod.get("securityContext", {})
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(key):
            wrong.append(key)
    for volume in pod.get("volumes", []):
        kinds = set(volume) - {"name"}
        if not kinds <= {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
                         "projected", "secret"}:
            wrong.append(f"volume {volume['name']}: {kinds}")
    for one in containers_of(pod):
        its = one.get("securityContext", {})
        either = {**own, **its}
        say = lambda what, name=one["name"]: wrong.append(f"{name}: {what}")
        if its.get("allowPrivilegeEscalation") is not False:
            say("allowPrivilegeEscalation")
        if its.get("privileged"):
            say("privileged")
        if its.get("capabilities", {}).get("drop") != ["ALL"]:
            say("capabilities are not dropped")
        if set(its.get("capabilities", {}).get("add", [])) - {"NET_BIND_SERVICE"}:
            say("capabilities are added")
        if either.get("runAsNonRoot") is not True or either.get("runAsUser", 1) == 0:
            say("may run as root")
        if either.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
            say("no seccomp profile")
        if any(port.get("hostPort") for port in one.get("ports", [])):
            say("a port of the host")
    return wrong


def containerfile():
    """Instruction -> its words, of the last stage of the Containerfile."""
    with open(os.path.join(ROOT, "deploy", "image", "Containerfile"), encoding="utf-8") as file:
        text = file.read().replace("\\\n", " ")
    last = re.split(r"^FROM ", text, flags=re.M)[-1]
    return dict(re.findall(r"^([A-Z]+) (.*)$", last, flags=re.M))


def number(port, container):
    named = {one["name"]: one["containerPort"] for one in container["ports"]}
    return named.get(port, port)


def metrics_that_are():
    with open(os.path.join(ROOT, "deploy", "metrics.md"), encoding="utf-8") as file:
        return set(re.findall(r"`(sallyport_\w+)`", file.read()))


def look_at_pod(name, objects):
    """(what must be so, whether it is, what was seen)."""
    pod, gateway = pod_of(objects), gateway_of(objects)
    (deployment,) = of_kind(objects, "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    image = containerfile()
    toml = next(o for o in of_kind(objects, "ConfigMap") if o["metadata"]["name"] == "sallyport-config")["data"]
    options = tomllib.loads(toml["gateway.toml"])

    yield f"{name}: restricted profile", not restricted(pod), restricted(pod)
    yield f"{name}: nothing can be written but what is mounted for that", all(
        one["securityContext"].get("readOnlyRootFilesystem") for one in containers_of(pod)), pod
    users = f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}"
    yield f"{name}: the user is the image's", users == image["USER"], users
    yield f"{name}: the command is the image's", "command" not in gateway and \
        gateway["args"] == json.loads(image["CMD"]), gateway.get("args")
    ports = sorted(str(one["containerPort"]) for one in gateway["ports"])
    yield f"{name}: the ports are the image's", ports == sorted(image["EXPOSE"].split()), ports

    served = {options["observe"]["address"].rpartition(":")[2],
              *(one["address"].rpartition(":")[2] for one in options["listener"])}
    yield f"{name}: and those of gateway.toml", set(ports) == served, served
    yield f"{name}: what changes is reloaded without a signal", options.get("reload", {}).get("watch", True), options
    probes = {kind: gateway[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    paths = [probes[kind]["path"] for kind in ("startup", "liveness", "readiness")]
    yield f"{name}: probes ask what the gateway answers", paths == ["/healthz", "/healthz", "/readyz"], paths
    metrics = int(options["observe"]["address"].rpartition(":")[2])
    yield f"{name}: where it does", all(number(one["port"], gateway) == metrics for one in probes.values()), probes

    drain = options["drain"]
    ends = sum(seconds(drain[key]) for key in ("delay", "window", "timeout", "grace"))
    hooks = [one["lifecycle"]["preStop"]["sleep"]["seconds"] for one in containers_of(pod) if "lifecycle" in one]
    yield f"{name}: there is a preStop", len(hooks) == 1 and hooks[0] > 0, hooks
    grace = pod["terminationGracePeriodSeconds"]
    yield f"{name}: the pod's grace has room for preStop and drain", grace >= max(hooks, default=0) + ends, (hooks, ends, grace)

    resources = gateway["resources"]
    yield f"{name}: it has requests, and limits", {"cpu", "memory"} <= set(resources["requests"]) and \
        {"cpu", "memory"} <= set(resources["limits"]), resources

    # What refers to something finds it.
    names = {(found["kind"], found["metadata"]["name"]) for found in objects} | {("Secret", "sallyport-tls")}
    wanted = {("ServiceAccount", pod["serviceAccountName"])}
    for volume in pod["volumes"]:
        if "configMap" in volume:
            wanted.add(("ConfigMap", volume["configMap"]["name"]))
        if "persistentVolumeClaim" in volume:
            wanted.add(("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]))
        for source in volume.get("projected", {}).get("sources", []):
            wanted |= {("ConfigMap" if kind == "configMap" else "Secret", what["name"]) for kind, what in source.items()}
    for found in of_kind(objects, "HorizontalPodAutoscaler"):
        wanted.add((found["spec"]["scaleTargetRef"]["kind"], found["spec"]["scaleTargetRef"]["name"]))
    for route in of_kind(objects, "TLSRoute"):
        wanted |= {("Gateway", parent["name"]) for parent in route["spec"]["parentRefs"]}
        wanted |= {("Service", to["name"]) for rule in route["spec"]["rules"] for to in rule["backendRefs"]}
    yield f"{name}: what is referred to is there", wanted <= names, wanted - names
    selectors = [found["spec"]["selector"] for found in of_kind(objects, "Service")]
    selectors += [found["spec"]["selector"]["matchLabels"] for kind in ("PodDisruptionBudget", "PodMonitor", "Deployment")
                  for found in of_kind(objects, kind)]
    selectors += [found["spec"]["podSelector"]["matchLabels"] for found in of_kind(objects, "NetworkPolicy")]
    yield f"{name}: every selector selects the pods", all(one.items() <= labels.items() for one in selectors), selectors
    named = {one["name"] for one in gateway["ports"]}
    used = [port["targetPort"] for found in of_kind(objects, "Service") for port in found["spec"]["ports"]]
    used += [end["port"] for found in of_kind(objects, "PodMonitor") for end in found["spec"]["podMetricsEndpoints"]]
    used += [port["port"] for found in of_kind(objects, "NetworkPolicy") for rule in found["spec"]["ingress"]
             for port in rule["ports"]]
    yield f"{name}: every port by name is the pod's", set(used) <= named, used
    stable = [found["metadata"]["name"] for found in of_kind(objects, "ConfigMap")]
    yield f"{name}: ConfigMaps keep their names", not any(re.search(r"-[a-z0-9]{10}$", one) for one in stable), stable


def look_at_fleet(name, objects):
    gateway = gateway_of(objects)
    toml = next(o for o in of_kind(objects, "ConfigMap") if o["metadata"]["name"] == "sallyport-config")["data"]
    options = tomllib.loads(toml["gateway.toml"])
    kinds = {found["kind"] for found in objects}
    wanted = {"Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy", "ConfigMap",
              "PodMonitor", "ServiceAccount"}
    yield f"{name}: all that a fleet needs", wanted <= kinds, wanted - kinds
    (hpa,) = of_kind(objects, "HorizontalPodAutoscaler")
    (metric,) = hpa["spec"]["metrics"]
    yield f"{name}: it grows by a metric that there is", metric["pods"]["metric"]["name"] in metrics_that_are(), metric
    most = options["listener"][0]["max_connections"]
    target = int(metric["pods"]["target"]["averageValue"])
    # With so many replicas one less still has room for all.
    replicas = hpa["spec"]["minReplicas"]
    yield f"{name}: before it is full", target < most, (target, most)
    yield f"{name}: there are two at least", replicas >= 2, replicas
    (deployment,) = of_kind(objects, "Deployment")
    yield f"{name}: nobody but the autoscaler says how many", "replicas" not in deployment["spec"], deployment["spec"]
    spread = pod_of(objects)["topologySpreadConstraints"]
    yield f"{name}: they are spread", {one["topologyKey"] for one in spread} == \
        {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}, spread
    dashboards = [found for found in of_kind(objects, "ConfigMap") if found["metadata"].get("labels", {}).get("grafana_dashboard")]
    yield f"{name}: dashboards are there", dashboards and all(
        json.loads(text)["panels"] for found in dashboards for text in found["data"].values()), dashboards
    cores = float(gateway["resources"]["limits"]["cpu"])
    yield f"{name}: a limit of whole cores, which is the number of workers", cores == int(cores), cores


def look_at_variants(rendered):
    sidecar = rendered["overlays/sidecar"]
    pod = pod_of(sidecar)
    (first,) = pod["initContainers"]
    yield "sidecar: the gateway is a native sidecar", first["name"] == "gateway" and first["restartPolicy"] == "Always", first
    (policy,) = of_kind(sidecar, "NetworkPolicy")
    yield "sidecar: it reaches nobody", not policy["spec"].get("egress") and "Egress" in policy["spec"]["policyTypes"], policy
    conf = next(o for o in of_kind(sidecar, "ConfigMap") if o["metadata"]["name"] == "broker-config")["data"]["mosquitto.conf"]
    listeners = re.findall(r"^listener (.*)$", conf, flags=re.M)
    yield "sidecar: the broker listens on loopback only", listeners == ["1883 127.0.0.1"], listeners
    (service,) = of_kind(sidecar, "Service")
    yield "sidecar: the Service leads to the gateway only", [p["targetPort"] for p in service["spec"]["ports"]] == ["mqtts"], service
    yield "sidecar: the broker's container has no port", "ports" not in pod["containers"][0], pod["containers"]

    fleet = of_kind(rendered["overlays/gateway"], "NetworkPolicy")[0]["spec"]
    yield "gateway: metrics are for monitoring only", [rule.get("from") is not None for rule in fleet["ingress"]
                                                       if {"port": "metrics"} in rule["ports"]] == [True], fleet
    proxied = of_kind(rendered["examples/proxy-protocol"], "ConfigMap")
    toml = next(o for o in proxied if o["metadata"]["name"] == "sallyport-config")["data"]["gateway.toml"]
    (listener,) = tomllib.loads(toml)["listener"]
    yield "proxy-protocol: the listener reads PROXY headers", listener["proxy_protocol"] == ["10.0.0.0/16"], listener
    (service,) = of_kind(rendered["examples/proxy-protocol"], "Service")
    yield "proxy-protocol: the Service is a load balancer", service["spec"]["type"] == "LoadBalancer", service
    yield "proxy-protocol: that writes them", "proxy_protocol_v2.enabled=true" in service["metadata"]["annotations"].values(), service
    (gateway,) = of_kind(rendered["examples/tlsroute"], "Gateway")
    yield "tlsroute: TLS is passed through", gateway["spec"]["listeners"][0]["tls"]["mode"] == "Passthrough", gateway


def look_at_files(build, name, objects, top):
    """The gateway itself reads what is mounted for it."""
    pod = pod_of(objects)
    volume = next(one for one in pod["volumes"] if "projected" in one)
    mode = volume["projected"]["defaultMode"]
    yield f"{name}: the key is for the user's group alone", mode & 0o337 == 0 and mode & 0o040 and \
        pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"], oct(mode)
    folder = os.path.join(top, name.replace("/", "-"))
    secret = {"sallyport-tls": certificates(top)}
    lay_out(objects, volume, folder, secret)
    done = subprocess.run([os.path.join(build, "src/cli/sallyport"), "check", "-c", os.path.join(folder, "gateway.toml")],
                          capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    yield f"{name}: its configuration is good", done.returncode == 0, done.stdout + done.stderr


def certificates(top):
    names = {"tls.crt": "server.crt", "tls.key": "server.key", "ca.crt": "ca.crt"}
    if not os.path.exists(os.path.join(top, "pki")):
        subprocess.run([os.path.join(ROOT, "deploy", "dev-pki.sh"), os.path.join(top, "pki"), "device-1"], check=True,
                       capture_output=True, stdin=subprocess.DEVNULL)
    found = {}
    for key, name in names.items():
        with open(os.path.join(top, "pki", name), "rb") as file:
            found[key] = file.read()
    return found


def spoilt(objects):
    """(what is wrong, objects with that); the validator and the profile have to find it."""
    def change(what):
        copied = copy.deepcopy(objects)
        what(copied)
        return copied

    def pod(change_pod):
        return lambda all_of_them: change_pod(pod_of(all_of_them))
    yield "an unknown field", change(pod(lambda p: p["containers"][0].update(readynessProbe={})))
    yield "a number that is none", change(pod(lambda p: p.update(terminationGracePeriodSeconds="60")))
    yield "a name that is missing", change(pod(lambda p: p["containers"][0].pop("name")))
    yield "an unknown kind", change(lambda all_of_them: all_of_them[0].update(kind="ServiceAcount"))
    yield "an unknown field of a custom resource", change(
        lambda all_of_them: of_kind(all_of_them, "PodMonitor")[0]["spec"].update(podMetricEndpoints=[]))
    yield "a wrong value of a custom resource", change(
        lambda all_of_them: of_kind(all_of_them, "PodMonitor")[0]["spec"]["podMetricsEndpoints"][0].update(interval="soon"))


def insecure(pod):
    for what in ({"allowPrivilegeEscalation": True}, {"capabilities": {}}, {"runAsNonRoot": False},
                 {"privileged": True}, {"runAsUser": 0}, {"seccompProfile": {"type": "Unconfined"}},
                 {"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}):
        copied = copy.deepcopy(pod)
        copied["containers"][0]["securityContext"].update(what)
        yield what, copied
    for what in ({"hostNetwork": True}, {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}):
        yield what, {**copy.deepcopy(pod), **what}


def look(build):
    rendered = {variant: render(variant) for variant in VARIANTS}
    every = [found for objects in rendered.values() for found in objects]
    first = rendered["overlays/gateway"]
    # All in one go: most of what it takes is to read the types.
    cases = list(spoilt(first))
    batch = every + [found for _, objects in cases for found in objects]
    wrong = validate(batch)
    yield "Kubernetes' schemas have nothing against it", not [w for w in wrong if w[0] < len(every)], wrong[:10]
    at = len(every)
    for what, objects in cases:
        yield f"they would have against {what}", any(at <= w[0] < at + len(objects) for w in wrong), what
        at += len(objects)
    for what, pod in insecure(pod_of(first)):
        yield f"the restricted profile would have against {what}", restricted(pod), what
    for variant, objects in rendered.items():
        yield from look_at_pod(variant, objects)
        if variant != "overlays/sidecar":
            yield from look_at_fleet(variant, objects)
    yield from look_at_variants(rendered)
    with tempfile.TemporaryDirectory() as top:
        for variant, objects in rendered.items():
            yield from look_at_files(build, variant, objects, top)
    known = [os.path.relpath(folder, os.path.join(ROOT, "deploy", "kubernetes"))
             for folder, _, files in os.walk(os.path.join(ROOT, "deploy", "kubernetes")) if "kustomization.yaml" in files]
    yield "every folder is rendered here", set(known) == {*VARIANTS, "base"}, known


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    fetch_models()
    passed = failed = 0
    for what, holds, seen in look(os.path.abspath(sys.argv[1])):
        if holds:
            passed += 1
        else:
            failed += 1
            print(f"FAILED: {what}: {json.dumps(seen, default=str)[:2000]}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
