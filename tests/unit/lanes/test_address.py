"""Loopback addresses and ports."""

import socket
from ipaddress import ip_address

import pytest

from lanes.errors import LanesError
from lanes.running.address import AddressBlock, free_port, require_free


def test_every_pod_has_an_address_of_its_own_in_one_block() -> None:
    with AddressBlock() as block:
        found = block.pods(["default/a", "default/b", "other/a"])
    assert list(found) == ["default/a", "default/b", "other/a"]
    addresses = list(found.values())
    assert len(set(addresses)) == 3
    assert len({address.rpartition(".")[0] for address in addresses}) == 1
    for address in addresses:
        assert ip_address(address).is_loopback
        assert not address.startswith("127.0.0.")


def test_two_meshes_have_different_addresses() -> None:
    with AddressBlock() as one, AddressBlock() as two:
        assert not set(one.pods(["a", "b"]).values()) & set(two.pods(["a", "b"]).values())


def test_a_block_is_taken_while_any_process_has_its_claim() -> None:
    with AddressBlock() as block:
        held = socket.socket(fileno=socket.dup(block.fileno()))
        taken = block.pods(["a"])
    with held, AddressBlock() as other:
        assert other.pods(["a"]) != taken


def test_a_block_has_room_for_252_pods() -> None:
    with AddressBlock() as block:
        found = block.pods([str(n) for n in range(252)])
        assert len(set(found.values())) == 252
        with pytest.raises(LanesError, match=r"^253 pods are more than the 252 of one mesh; set"):
            block.pods([str(n) for n in range(253)])


def test_a_port_that_is_free() -> None:
    require_free(free_port())


def test_a_port_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LanesError) as caught:
            require_free(port)
    assert str(caught.value) == (
        f"port {port}: another program listens there; choose another with --port"
    )


def test_a_port_that_was_just_used_is_free() -> None:
    """A mesh that ends and starts again finds its port, whatever connections linger."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = server.accept()
            accepted.close()  # the first to close is the one that lingers
    require_free(port)
