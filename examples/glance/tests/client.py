"""Drives a running image service through python-glanceclient: its Python interface and its command line.

Usage: client.py ENDPOINT GLANCE_COMMAND SCRATCH_FOLDER
"""

import hashlib
import os
import shutil
import struct
import subprocess
import sys
import time

import glanceclient
from glanceclient import exc

ENDPOINT, COMMAND, SCRATCH = sys.argv[1:]


def client(token):
    return glanceclient.Client("2", ENDPOINT, token=token)


def disk_image():
    """A real qcow2 image with something in it, or the smallest header that is one where there is no qemu-img."""
    path = os.path.join(SCRATCH, "disk.qcow2")
    if shutil.which("qemu-img"):
        raw = os.path.join(SCRATCH, "disk.raw")
        with open(raw, "wb") as file:
            file.write(os.urandom(3 * 1024 * 1024) + bytes(1024 * 1024))
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path], check=True)
    else:
        header = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 0, 0, 16, 1 << 26, 0, 1, 65536, 131072, 1, 0, 0)
        with open(path, "wb") as file:
            file.write(header.ljust(4 * 65536, b"\0") + os.urandom(3 * 1024 * 1024))
    return path


def fails(error, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except error as e:
        return str(e)
    raise AssertionError(f"{call.__name__}{args} did not fail with {error.__name__}")


def names(images):
    return [image.name for image in images]


def life_of_an_image(glance, path):
    image = glance.images.create(
        name="disk", disk_format="qcow2", container_format="bare", tags=["new"], color="red", min_disk=1,
    )
    assert (image.status, image.owner, image.color, image.tags) == ("queued", "p1", "red", ["new"]), image
    assert glance.images.data(image.id).wrapped is None

    with open(path, "rb") as file:
        glance.images.upload(image.id, file)
    with open(path, "rb") as file:
        data = file.read()
    image = glance.images.get(image.id)
    assert (image.status, image.size) == ("active", len(data)), image
    assert image.checksum == hashlib.md5(data).hexdigest()
    assert (image.os_hash_algo, image.os_hash_value) == ("sha512", hashlib.sha512(data).hexdigest())
    # The client checks the secure hash on the way.
    assert b"".join(glance.images.data(image.id)) == data
    with open(path, "rb") as file:
        fails(exc.HTTPConflict, glance.images.upload, image.id, file)

    image = glance.images.update(image.id, name="renamed", remove_props=["color"], shape="round", min_ram=64)
    assert (image.name, image.shape, image.min_ram, "color" in image) == ("renamed", "round", 64, False), image
    assert glance.images.get(image.id) == image
    fails(exc.HTTPForbidden, glance.images.update, image.id, visibility="public")
    assert glance.images.update(image.id, tags=["a", "b"]).tags == ["a", "b"]
    glance.image_tags.update(image.id, "c d")
    glance.image_tags.delete(image.id, "a")
    assert sorted(glance.images.get(image.id).tags) == ["b", "c d"]
    fails(exc.HTTPNotFound, glance.image_tags.delete, image.id, "a")

    glance.images.deactivate(image.id)
    assert glance.images.get(image.id).status == "deactivated"
    fails(exc.HTTPForbidden, glance.images.data, image.id)
    assert b"".join(client("root:p0:admin").images.data(image.id)) == data
    glance.images.reactivate(image.id)

    glance.images.update(image.id, protected=True)
    assert "protected" in fails(exc.HTTPForbidden, glance.images.delete, image.id)
    glance.images.update(image.id, protected=False)
    glance.images.delete(image.id)
    assert image.id in fails(exc.HTTPNotFound, glance.images.get, image.id)


def lists(glance):
    for at in range(7):
        glance.images.create(
            name=f"list {at}", disk_format="raw" if at % 2 else "qcow2", min_ram=at, tags=["even"] if at % 2 == 0 else [],
            parity=str(at % 2),
        )
    everything = [f"list {at}" for at in range(7)]

    def found(filters, **kwargs):
        return names(glance.images.list(filters=filters, sort="name:asc", **kwargs))

    assert found({}) == everything
    assert found({"name": "list 3"}) == ["list 3"]
    assert found({"name": 'in:"list 3","list 5",nothing'}) == ["list 3", "list 5"]
    assert found({"disk_format": "raw"}) == ["list 1", "list 3", "list 5"]
    assert found({"parity": "0"}) == ["list 0", "list 2", "list 4", "list 6"]
    assert found({"tag": ["even"]}) == everything[::2]
    assert found({"min_ram_min": "3", "min_ram_max": "4"}) == everything[3:5]
    assert found({"owner": "p1", "status": "queued", "visibility": "shared"}) == everything
    assert found({"created_at": "gt:2020-01-01T00:00:00Z"}) == everything
    assert found({"os_hidden": "true"}) == []
    # The client follows the links from page to page.
    assert found({}, page_size=2) == everything
    assert found({}, page_size=3, limit=5) == everything[:5]
    assert names(glance.images.list(sort="disk_format:desc,name:asc")) == everything[1::2] + everything[::2]
    assert names(glance.images.list(sort_key=["name"], sort_dir=["desc"], page_size=2)) == everything[::-1]
    marker = list(glance.images.list(sort="name:asc"))[2].id
    assert found({}, marker=marker) == everything[3:]
    fails(exc.HTTPBadRequest, lambda: list(glance.images.list(filters={"min_ram_min": "many"})))
    for image in list(glance.images.list()):
        glance.images.delete(image.id)
    assert found({}) == []


def members(glance):
    bob = client("bob:p2:member")
    image = glance.images.create(name="shared")
    fails(exc.HTTPNotFound, bob.images.get, image.id)
    member = glance.image_members.create(image.id, "p2")
    assert (member.member_id, member.status) == ("p2", "pending")
    fails(exc.HTTPConflict, glance.image_members.create, image.id, "p2")
    assert bob.images.get(image.id).name == "shared"
    assert names(bob.images.list()) == []
    assert bob.image_members.update(image.id, "p2", "accepted").status == "accepted"
    assert names(bob.images.list()) == ["shared"]
    fails(exc.HTTPForbidden, bob.images.update, image.id, name="mine")
    assert [member.member_id for member in glance.image_members.list(image.id)] == ["p2"]
    assert bob.image_members.get(image.id, "p2").status == "accepted"
    glance.image_members.delete(image.id, "p2")
    fails(exc.HTTPNotFound, bob.images.get, image.id)

    glance.images.update(image.id, visibility="community")
    assert names(bob.images.list()) == []
    assert names(bob.images.list(filters={"visibility": "community"})) == ["shared"]
    client("root:p0:admin").images.update(image.id, visibility="public")
    assert names(bob.images.list()) == ["shared"]
    glance.images.delete(image.id)


def import_of_staged_data(glance, path):
    assert glance.images.get_import_info()["import-methods"]["value"] == ["glance-direct"]
    assert glance.images.get_stores_info()["stores"][0]["id"] == "store1"
    image = glance.images.create(name="staged", disk_format="qcow2", container_format="bare")
    with open(path, "rb") as file:
        glance.images.stage(image.id, file)
    assert glance.images.get(image.id).status == "uploading"
    glance.images.image_import(image.id, "glance-direct")
    deadline = time.monotonic() + 60
    while glance.images.get(image.id).status != "active":
        assert time.monotonic() < deadline, "the import does not end"
        time.sleep(0.05)
    with open(path, "rb") as file:
        assert b"".join(glance.images.data(image.id)) == file.read()
    glance.images.delete(image.id)


def command_line(path):
    def glance(*args, ok=True):
        # The command takes data from its standard input wherever there is one, even an empty one.
        shell = ["sh", "-c", 'exec "$@" <&-', "sh"]
        done = subprocess.run(
            [*shell, COMMAND, "--os-auth-token", "ann:p1:member", "--os-image-url", ENDPOINT, *args],
            capture_output=True, text=True,
        )
        assert (done.returncode == 0) == ok, (args, done.stdout, done.stderr)
        return done.stdout if ok else done.stderr

    def field(table, name):
        rows = (line.split("|") for line in table.splitlines() if line.startswith("|"))
        return next(row[2].strip() for row in rows if row[1].strip() == name)

    made = glance(
        "image-create", "--name", "from the shell", "--disk-format", "qcow2", "--container-format", "bare",
        "--file", path, "--property", "color=red", "--tag", "t",
    )
    image = field(made, "id")
    assert field(made, "status") == "active" and field(made, "color") == "red"
    assert "from the shell" in glance("image-list", "--property-filter", "color=red", "--sort", "name:asc", "--limit", "5")
    assert image not in glance("image-list", "--tag", "other")
    copy = os.path.join(SCRATCH, "copy")
    glance("image-download", image, "--file", copy)
    with open(path, "rb") as one, open(copy, "rb") as other:
        assert one.read() == other.read()
    assert field(glance("image-update", image, "--name", "new", "--remove-property", "color"), "name") == "new"
    glance("image-tag-update", image, "u")
    glance("image-tag-delete", image, "t")
    assert field(glance("image-show", image), "tags") == '["u"]'
    glance("member-create", image, "p2")
    assert "pending" in glance("member-list", "--image-id", image)
    glance("member-delete", image, "p2")
    glance("image-deactivate", image)
    assert "403" in glance("image-download", image, "--file", copy, ok=False)
    glance("image-reactivate", image)
    staged = field(
        glance("image-create-via-import", "--name", "i", "--disk-format", "qcow2", "--container-format", "bare",
               "--file", path, "--import-method", "glance-direct"), "id")
    assert "import-methods" in glance("import-info")
    assert "store1" in glance("stores-info")
    deadline = time.monotonic() + 60
    while field(glance("image-show", staged), "status") != "active":
        assert time.monotonic() < deadline, "the import does not end"
    glance("image-delete", image, staged)
    assert "No image found" in glance("image-show", image, ok=False)


def main():
    glance = client("ann:p1:member")
    path = disk_image()
    assert [version["id"] for version in glance.versions.list()][0] == "v2.9"
    for step, args in [
        (life_of_an_image, (glance, path)), (lists, (glance,)), (members, (glance,)),
        (import_of_staged_data, (glance, path)), (command_line, (path,)),
    ]:
        step(*args)
        print(f"{step.__name__}: ok")
    fails(exc.HTTPUnauthorized, client("nobody").images.get, "x")


main()
