"""What deploy/kubernetes renders to, for the tests of it and of the image."""

import os
import subprocess

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, "deploy", "kubernetes")
VARIANTS = ("overlays/gateway", "overlays/sidecar", "examples/proxy-protocol", "examples/tlsroute")


def render(variant):
    """All objects of a kustomization."""
    done = subprocess.run(["kubectl", "kustomize", os.path.join(FOLDER, variant)], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, f"{variant} does not render: {done.stderr}"
    return [found for found in yaml.safe_load_all(done.stdout) if found]


def of_kind(objects, kind):
    return [found for found in objects if found["kind"] == kind]


def pod_of(objects):
    (deployment,) = of_kind(objects, "Deployment")
    return deployment["spec"]["template"]["spec"]


def containers_of(pod):
    return pod.get("initContainers", []) + pod["containers"]


def gateway_of(objects):
    """The gateway's container, wherever in the pod it is."""
    (found,) = [one for one in containers_of(pod_of(objects)) if one["name"] == "gateway"]
    return found


def lay_out(objects, volume, folder, secrets):
    """Writes a projected volume as the kubelet does: files in a folder of its own, `..data` that links to it, and
    links through that. `secrets`: name to {key: bytes}."""
    data = {found["metadata"]["name"]: {key: text.encode() for key, text in found["data"].items()}
            for found in of_kind(objects, "ConfigMap")} | secrets
    real = os.path.join(folder, "..2026_11_26_00_00_00.1")
    os.makedirs(real)
    for source in volume["projected"]["sources"]:
        ((_, reference),) = source.items()
        for item in reference["items"]:
            path = os.path.join(real, item["path"])
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(data[reference["name"]][item["key"]])
    os.symlink(os.path.basename(real), os.path.join(folder, "..data"))
    for name in sorted(os.listdir(real)):
        os.symlink(os.path.join("..data", name), os.path.join(folder, name))
