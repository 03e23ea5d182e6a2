import pytest
from django.test import RequestFactory

from plumbing.requests import client_ip, client_network


@pytest.mark.parametrize(
    ("hop", "address", "network"),
    [
        ("1.2.3.4", "1.2.3.4", "1.2.3.4"),
        ("1.2.3.4:5678", "1.2.3.4", "1.2.3.4"),
        ("[2001:db8::1]:443", "2001:db8::1", "2001:db8::"),
        ("[2001:db8:1:2:3::1]", "2001:db8:1:2:3::1", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2:ffff::9", "2001:db8:1:2::"),
        ("::ffff:1.2.3.4", "1.2.3.4", "1.2.3.4"),
        ("[::ffff:1.2.3.4]:80", "1.2.3.4", "1.2.3.4"),
        ("fe80::1%eth0", "fe80::1", "fe80::"),
        *((odd, "10.0.0.9", "10.0.0.9") for odd in ("unknown", "_hidden", "1.2.3", "1.2.3.4:5:6", "[", "[]:1", "\x00")),
    ],
)
def test_a_hop_is_read_whatever_its_form_and_the_peer_stands_for_one_that_is_none(settings, hop, address, network):
    settings.PROXY_COUNT = 1
    request = RequestFactory().get("/", headers={"X-Forwarded-For": f"9.9.9.9, {hop}"}, REMOTE_ADDR="10.0.0.9")
    assert (str(client_ip(request)), client_network(request)) == (address, network)


@pytest.mark.parametrize(("proxies", "address"), [(1, "1.2.3.4"), (2, "10.0.0.9")])
def test_a_single_hop_counts_behind_one_proxy_and_not_behind_two(settings, proxies, address):
    settings.PROXY_COUNT = proxies
    request = RequestFactory().get("/", headers={"X-Forwarded-For": "1.2.3.4"}, REMOTE_ADDR="10.0.0.9")
    assert str(client_ip(request)) == address


@pytest.mark.parametrize(("peer", "address"), [("", "127.0.0.1"), ("::1", "::1"), ("::ffff:10.0.0.1", "10.0.0.1")])
def test_without_a_proxy_the_peer_counts_were_it_a_unix_socket(peer, address):
    request = RequestFactory().get("/", headers={"X-Forwarded-For": "9.9.9.9"}, REMOTE_ADDR=peer)
    assert str(client_ip(request)) == address
