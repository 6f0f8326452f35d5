import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.node import cni_protocol as cni
from midonet_kubernetes.node.cni_protocol import Call, CniError, Envelope, PodName

ENVIRONMENT = {
    "CNI_COMMAND": "ADD",
    "CNI_CONTAINERID": "c0ffee",
    "CNI_NETNS": "/run/netns/a",
    "CNI_IFNAME": "eth0",
    "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;K8S_POD_UID=u-1",
    "CNI_PATH": "/opt/cni/bin",
}
CONFIGURATION = {"cniVersion": "1.1.0", "name": "midonet", "type": "midonet-kube-cni"}


def read(environment=None, without=(), stdin=None, **configuration):
    given = {key: value for key, value in {**ENVIRONMENT, **(environment or {})}.items() if key not in without}
    document = json.dumps({**CONFIGURATION, **configuration}) if stdin is None else stdin
    return cni.read_call(Envelope(cni.PROTOCOL, given, document))


def code_of(**arguments):
    with pytest.raises(CniError) as raised:
        read(**arguments)
    return raised.value.code, raised.value.message


def test_an_add_is_read_whole():
    assert read(dns={"nameservers": ["10.96.0.10"]}) == Call(
        command="ADD",
        version="1.1.0",
        network="midonet",
        container="c0ffee",
        interface="eth0",
        namespace="/run/netns/a",
        pod=PodName("shop", "web-0", "u-1"),
        dns={"nameservers": ["10.96.0.10"]},
    )


@pytest.mark.parametrize(
    "arguments", ["", "IgnoreUnknown=1", "K8S_POD_NAME=a", "K8S_POD_NAMESPACE=a;K8S_POD_NAME=", "nonsense;;=;"]
)
def test_a_runtime_that_names_no_pod_is_served_too(arguments):
    assert read({"CNI_ARGS": arguments}).pod is None


@pytest.mark.parametrize(
    ("without", "command", "named"),
    [
        (("CNI_CONTAINERID",), "ADD", "CNI_CONTAINERID"),
        (("CNI_NETNS",), "ADD", "CNI_NETNS"),
        (("CNI_IFNAME",), "ADD", "CNI_IFNAME"),
        (("CNI_CONTAINERID", "CNI_IFNAME"), "DEL", "CNI_CONTAINERID, CNI_IFNAME"),
        (("CNI_NETNS",), "CHECK", "CNI_NETNS"),
    ],
)
def test_a_missing_variable_is_named(without, command, named):
    code, message = code_of(environment={"CNI_COMMAND": command}, without=without)
    assert code == cni.BAD_ENVIRONMENT
    assert named in message


def test_a_del_needs_no_namespace():
    assert read({"CNI_COMMAND": "DEL"}, without=("CNI_NETNS", "CNI_ARGS")).namespace == ""


@pytest.mark.parametrize("command", ["STATUS", "GC"])
def test_an_operation_on_the_network_needs_no_container(command):
    call = read(
        {"CNI_COMMAND": command}, without=("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"), **{"cni.dev/valid-attachments": []}
    )
    assert (call.command, call.container) == (command, "")


@pytest.mark.parametrize(
    "environment",
    [
        {"CNI_COMMAND": "add"},
        {"CNI_COMMAND": ""},
        {"CNI_COMMAND": "MOVE"},
        {"CNI_CONTAINERID": "../etc"},
        {"CNI_CONTAINERID": "-x"},
        {"CNI_CONTAINERID": "a b"},
        {"CNI_IFNAME": "a/b"},
        {"CNI_IFNAME": "a:b"},
        {"CNI_IFNAME": "a b"},
        {"CNI_IFNAME": "eth%d"},
        {"CNI_IFNAME": ".."},
        {"CNI_IFNAME": "sixteen-letters-"},
        {"CNI_IFNAME": "\u00fc" * 8},  # 16 bytes
        {"CNI_NETNS": "/run/netns/a\0b"},
        {"CNI_ARGS": "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=a/b"},
        {"CNI_ARGS": "K8S_POD_NAMESPACE=../shop;K8S_POD_NAME=a"},
    ],
)
def test_a_bad_variable_is_an_environment_error(environment):
    assert code_of(environment=environment)[0] == cni.BAD_ENVIRONMENT


def test_a_del_does_not_fail_for_what_it_does_not_need():
    read({"CNI_COMMAND": "DEL", "CNI_ARGS": "K8S_POD_NAMESPACE=..;K8S_POD_NAME=a/b"}, prevResult="nonsense")


@pytest.mark.parametrize("interface", ["e", "-" * 15, "\u00fc" * 7, "eth0.1", "...", 'a"b'])
def test_an_interface_may_have_any_name_that_the_kernel_takes(interface):
    assert read({"CNI_IFNAME": interface}).interface == interface


@pytest.mark.parametrize("stdin", ["", "[]", "null", "{", '{"name":"a"} x', "nonsense", '"midonet"'])
def test_a_configuration_that_is_no_object_is_undecodable(stdin):
    assert code_of(stdin=stdin)[0] == cni.UNDECODABLE


@pytest.mark.parametrize(
    "configuration",
    [
        {"name": ""},
        {"name": 5},
        {"name": "a/b"},
        {"name": None},
        {"dns": []},
        {"prevResult": "x"},
        {"prevResult": {"interfaces": 5}},
        {"prevResult": {"interfaces": [1]}},
        {"prevResult": {"ips": {}}},
        {"prevResult": {"ips": [[]]}},
        {"prevResult": {"routes": "x"}},
        {"prevResult": {"dns": []}},
    ],
)
def test_a_configuration_that_says_the_wrong_thing_is_refused(configuration):
    assert code_of(**configuration)[0] == cni.BAD_CONFIGURATION


@pytest.mark.parametrize("version", ["0.1.0", "0.2.0", "0.3.0", "1.2.0", "2.0.0", "", None, 1.1, ["1.1.0"]])
def test_another_version_of_the_specification_is_refused(version):
    code, _ = code_of(cniVersion=version)
    assert code == cni.INCOMPATIBLE_VERSION


def test_a_configuration_without_version_is_of_the_first_one():
    document = json.dumps({"name": "midonet"})
    assert code_of(stdin=document)[0] == cni.INCOMPATIBLE_VERSION


@pytest.mark.parametrize(
    ("command", "version", "accepted"),
    [
        ("ADD", "0.3.1", True),
        ("DEL", "0.3.1", True),
        ("CHECK", "0.3.1", False),
        ("CHECK", "0.4.0", True),
        ("STATUS", "1.0.0", False),
        ("STATUS", "1.1.0", True),
        ("GC", "1.0.0", False),
        ("GC", "1.1.0", True),
    ],
)
def test_an_operation_is_there_since_its_version(command, version, accepted):
    arguments = {
        "environment": {"CNI_COMMAND": command},
        "cniVersion": version,
        "prevResult": {},
        "cni.dev/valid-attachments": [],
    }
    if accepted:
        assert read(**arguments).version == version
    else:
        assert code_of(**arguments)[0] == cni.INCOMPATIBLE_VERSION


def test_check_needs_the_previous_result():
    code, message = code_of(environment={"CNI_COMMAND": "CHECK"})
    assert (code, "prevResult" in message) == (cni.BAD_CONFIGURATION, True)


@pytest.mark.parametrize(
    ("configuration", "valid"),
    [
        ({"cni.dev/valid-attachments": [{"containerID": "a", "ifname": "eth0"}]}, {("a", "eth0")}),
        ({"cni.dev/valid-attachments": []}, set()),
        ({"cni.dev/valid-attachments": None}, set()),
        ({}, set()),
        ({"cni.dev/attachments": [{"containerID": "a", "ifname": "eth0", "more": 1}]}, {("a", "eth0")}),
    ],
)
def test_gc_reads_the_valid_attachments(configuration, valid):
    assert read({"CNI_COMMAND": "GC"}, **configuration).valid == valid


@pytest.mark.parametrize("valid", ["a", {"a": 1}, 5, [1], [{"containerID": "a"}], [{"containerID": 1, "ifname": "eth0"}]])
def test_gc_removes_nothing_when_it_cannot_tell_what_is_valid(valid):
    configuration = {"cni.dev/valid-attachments": valid}
    assert code_of(environment={"CNI_COMMAND": "GC"}, **configuration)[0] == cni.BAD_CONFIGURATION


def test_the_plugins_line_is_read():
    line = b'{"protocol":1,"environment":{"CNI_COMMAND":"ADD"},"stdin":"{}","new":"field"}'
    assert cni.read_envelope(line) == Envelope(1, {"CNI_COMMAND": "ADD"}, "{}")


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[1]", b'{"protocol":"1"}', b'{"protocol":1,"stdin":"\xff"}', b'{"protocol":1,"environment":[]}']
)
def test_a_line_that_is_none_is_undecodable(line):
    with pytest.raises(CniError) as raised:
        cni.read_envelope(line)
    assert raised.value.code == cni.UNDECODABLE


DEEP = "[" * 100_000 + "]" * 100_000


def test_nesting_without_end_is_undecodable():
    line = f'{{"protocol":1,"new":{DEEP}}}'.encode()
    assert cni.command_of(line) == ""
    with pytest.raises(CniError) as raised:
        cni.read_envelope(line)
    assert raised.value.code == cni.UNDECODABLE
    assert cni.version_of(Envelope(1, {}, f'{{"cniVersion":"0.4.0","new":{DEEP}}}')) == "1.1.0"
    assert code_of(stdin=f'{{"name":"midonet","new":{DEEP}}}')[0] == cni.UNDECODABLE


@pytest.mark.parametrize("protocol", [0, -1, 2, 99])
def test_a_plugin_with_a_protocol_of_the_future_is_told_to_come_back(protocol):
    with pytest.raises(CniError) as raised:
        cni.read_envelope(json.dumps({"protocol": protocol}).encode())
    assert raised.value.code == cni.TRY_AGAIN
    assert f"protocol {protocol}" in raised.value.message


def test_an_old_plugin_that_sends_fewer_variables_is_served():
    line = json.dumps({"protocol": 1, "environment": {"CNI_COMMAND": "STATUS"}, "stdin": json.dumps(CONFIGURATION)}).encode()
    assert cni.read_call(cni.read_envelope(line)).command == "STATUS"


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b'{"protocol":1,"environment":{"CNI_COMMAND":"DEL"}}', "DEL"),
        (b'{"protocol":1}', ""),
        (b'{"protocol":9}', ""),
        (b"nonsense", ""),
    ],
)
def test_the_command_is_known_before_the_rest(line, command):
    assert cni.command_of(line) == command


@pytest.mark.parametrize(
    ("stdin", "version"),
    [
        ('{"cniVersion":"0.4.0"}', "0.4.0"),
        ('{"cniVersion":"9"}', "1.1.0"),
        ("[]", "1.1.0"),
        ("nonsense", "1.1.0"),
        ("{}", "1.1.0"),
    ],
)
def test_errors_are_answered_in_the_configurations_version_if_we_know_it(stdin, version):
    assert cni.version_of(Envelope(1, {}, stdin)) == version


@given(
    st.dictionaries(st.sampled_from(sorted(ENVIRONMENT)), st.text()),
    st.one_of(st.text(), st.builds(json.dumps, st.dictionaries(st.text(), st.text()))),
)
def test_whatever_comes_in_a_call_or_an_error_goes_out(environment, stdin):
    envelope = Envelope(1, environment, stdin)
    assert cni.version_of(envelope) in cni.VERSIONS
    try:
        outcome = cni.read_call(envelope).command
    except CniError as error:
        outcome = error.code
    assert outcome in {*cni.SINCE, 1, 4, 6, 7}
