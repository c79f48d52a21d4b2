"""The properties of `docker:index/container:Container`.

`place` is a value's place in the container API; properties without one are handled by name in `resources`.
"""

from __future__ import annotations

from airgap.toolchain.docker_plugin import codecs
from airgap.toolchain.docker_plugin.properties import ABSENT, Change, Property, ValueKind
from airgap.toolchain.docker_plugin.tables import checks
from airgap.toolchain.docker_plugin.tables import container_parts as parts
from airgap.toolchain.docker_plugin.tables.labels import LABEL_FIELDS

_PROCESS = (
    Property("name", ValueKind.TEXT, required=True),
    Property("image", ValueKind.TEXT, required=True),
    Property("command", ValueKind.TEXTS, computed=True, place="Config.Cmd", created=[], refreshed=[], refuse=checks.no_empty_word),
    Property("entrypoints", ValueKind.TEXTS, computed=True, place="Config.Entrypoint", created=[], refreshed=[]),
    Property("envs", ValueKind.TEXT_SET, computed=True, place="Config.Env", created=[], refreshed=[], refuse=checks.an_assignment),
    Property("user", ValueKind.TEXT, computed=True, place="Config.User", created="", refreshed=""),
    Property("workingDir", ValueKind.TEXT, computed=True, place="Config.WorkingDir", created="", refreshed=""),
    Property("hostname", ValueKind.TEXT, computed=True, place="Config.Hostname", created="", refreshed=""),
    Property("domainname", ValueKind.TEXT, place="Config.Domainname", created="", refreshed=""),
    Property(
        "labels",
        ValueKind.OBJECT_SET,
        computed=True,
        place="Config.Labels",
        codec=codecs.LABELS,
        fields=LABEL_FIELDS,
        created=[],
        refreshed=[],
    ),
    Property("stopSignal", ValueKind.TEXT, computed=True, place="Config.StopSignal", created="", refreshed=""),
    Property(
        "stopTimeout",
        ValueKind.NUMBER,
        computed=True,
        place="Config.StopTimeout",
        created=0,
        refreshed=0,
        refuse=checks.at_least(0, "seconds"),
    ),
    Property("tty", ValueKind.SWITCH, place="Config.Tty", created=False, refreshed=False),
    Property("stdinOpen", ValueKind.SWITCH, place="Config.OpenStdin", created=False, refreshed=False),
    Property("init", ValueKind.SWITCH, Change.STUCK, computed=True, place="HostConfig.Init", created=False, refreshed=False),
    Property("platform", ValueKind.TEXT, computed=True),
)

_LIMITS = (
    Property(
        "memory",
        ValueKind.NUMBER,
        Change.UPDATE,
        place="HostConfig.Memory",
        codec=codecs.MEBIBYTES,
        created=0,
        refreshed=0,
        refuse=checks.at_least(0),
    ),
    Property(
        "memoryReservation",
        ValueKind.NUMBER,
        Change.UPDATE,
        place="HostConfig.MemoryReservation",
        codec=codecs.MEBIBYTES,
        created=0,
        refreshed=0,
        refuse=checks.at_least(0),
    ),
    Property(
        "memorySwap",
        ValueKind.NUMBER,
        Change.UPDATE,
        computed=True,
        place="HostConfig.MemorySwap",
        codec=codecs.MEBIBYTES,
        created=0,
        refreshed=0,
        refuse=checks.at_least(-1),
    ),
    Property(
        "shmSize",
        ValueKind.NUMBER,
        computed=True,
        place="HostConfig.ShmSize",
        codec=codecs.MEBIBYTES,
        created=0,
        refreshed=0,
        refuse=checks.at_least(0),
    ),
    Property(
        "cpuShares",
        ValueKind.NUMBER,
        Change.UPDATE,
        place="HostConfig.CpuShares",
        created=0,
        refreshed=0,
        refuse=checks.at_least(0),
        canonical=lambda shares: shares or codecs.DEFAULT_SHARES,
    ),
    Property(
        "cpuSet",
        ValueKind.TEXT,
        Change.UPDATE,
        place="HostConfig.CpusetCpus",
        created="",
        refreshed="",
        refuse=checks.matching(r"(\d+([,-]\d+)*)?", "CPU numbers such as `0-1` or `0,2`"),
    ),
    Property(
        "cpus",
        ValueKind.TEXT,
        place="HostConfig.NanoCpus",
        codec=codecs.NANO_CPUS,
        refuse=checks.some_cpus,
        canonical=lambda cpus: codecs.NANO_CPUS.encode(cpus or 0),
    ),
    Property("cpuPeriod", ValueKind.NUMBER, place="HostConfig.CpuPeriod"),
    Property("cpuQuota", ValueKind.NUMBER, place="HostConfig.CpuQuota"),
    Property(
        "ulimits",
        ValueKind.OBJECT_SET,
        place="HostConfig.Ulimits",
        codec=codecs.renamed(name="Name", soft="Soft", hard="Hard"),
        created=[],
        refreshed=[],
        fields=(
            Property("hard", ValueKind.NUMBER, required=True),
            Property("name", ValueKind.TEXT, required=True),
            Property("soft", ValueKind.NUMBER, required=True),
        ),
    ),
    Property("storageOpts", ValueKind.TEXT_MAP, place="HostConfig.StorageOpt", refreshed={}),
    Property("sysctls", ValueKind.TEXT_MAP, place="HostConfig.Sysctls", refreshed={}),
)

_SECURITY = (
    Property("capabilities", ValueKind.OBJECT, fields=parts.CAPABILITIES),
    Property("privileged", ValueKind.SWITCH, place="HostConfig.Privileged", created=False, refreshed=False),
    Property("readOnly", ValueKind.SWITCH, place="HostConfig.ReadonlyRootfs", created=False, refreshed=False),
    Property(
        "securityOpts",
        ValueKind.TEXT_SET,
        computed=True,
        place="HostConfig.SecurityOpt",
        created=[],
        refreshed=[],
        canonical=lambda options: [codecs.security_option(option) for option in options],
    ),
    Property("groupAdds", ValueKind.TEXT_SET, place="HostConfig.GroupAdd", refreshed=[]),
    Property("usernsMode", ValueKind.TEXT, place="HostConfig.UsernsMode", created="", refreshed=""),
    Property("pidMode", ValueKind.TEXT, place="HostConfig.PidMode"),
    Property("ipcMode", ValueKind.TEXT, computed=True, place="HostConfig.IpcMode"),
    Property(
        "cgroupnsMode", ValueKind.TEXT, silent=True, computed=True, place="HostConfig.CgroupnsMode", refuse=checks.one_of("private", "host")
    ),
    Property("cgroupParent", ValueKind.TEXT, place="HostConfig.CgroupParent"),
    Property("runtime", ValueKind.TEXT, computed=True, place="HostConfig.Runtime"),
)

_DEVICES = (
    Property(
        "devices",
        ValueKind.OBJECT_SET,
        place="HostConfig.Devices",
        codec=parts.DEVICES,
        fields=parts.DEVICE_FIELDS,
        created=[],
        refreshed=[],
        whole=True,
        canonical=parts.devices_in_full,
    ),
    Property("deviceCgroupRules", ValueKind.TEXT_SET, place="HostConfig.DeviceCgroupRules", created=ABSENT, refreshed=ABSENT),
    *(
        Property(
            name,
            ValueKind.OBJECT_SET,
            place=f"HostConfig.Blkio{setting}",
            codec=parts.RATES,
            fields=parts.RATE_FIELDS,
            created=[],
            refreshed=[],
            whole=True,
        )
        for name, setting in (
            ("deviceReadBps", "DeviceReadBps"),
            ("deviceReadIops", "DeviceReadIOps"),
            ("deviceWriteBps", "DeviceWriteBps"),
            ("deviceWriteIops", "DeviceWriteIOps"),
        )
    ),
    Property("deviceRequests", ValueKind.OBJECT_SET, fields=parts.DEVICE_REQUEST_FIELDS, created=[], refreshed=[], whole=True),
    Property("gpus", ValueKind.TEXT, refuse=checks.matching(r"all|device=.+", "`all` or `device=ID[,ID…]`")),
)

_STORAGE = (
    Property("volumes", ValueKind.OBJECT_SET, fields=parts.VOLUME_FIELDS, whole=True, created=[], refreshed=[]),
    Property("mounts", ValueKind.OBJECT_SET, Change.STUCK, fields=parts.MOUNT_FIELDS, whole=True, created=[], refreshed=[]),
    Property("tmpfs", ValueKind.TEXT_MAP, Change.STUCK, place="HostConfig.Tmpfs", refreshed={}),
    Property("uploads", ValueKind.OBJECT_SET, fields=parts.UPLOAD_FIELDS, whole=True, created=[], refreshed=[]),
)

_NETWORK = (
    Property(
        "ports",
        ValueKind.OBJECTS,
        fields=parts.PORT_FIELDS,
        computed_if="publishAllPorts",
        created=[],
        refreshed=[],
        canonical=parts.ports_in_order,
    ),
    Property("publishAllPorts", ValueKind.SWITCH, place="HostConfig.PublishAllPorts", created=False, refreshed=False),
    Property("networkMode", ValueKind.TEXT, default="bridge", place="HostConfig.NetworkMode", canonical=parts.network_mode),
    Property("networksAdvanced", ValueKind.OBJECT_SET, fields=parts.NETWORK_FIELDS, whole=True, created=[], refreshed=[]),
    Property("dns", ValueKind.TEXT_SET, place="HostConfig.Dns", refreshed=[]),
    Property("dnsOpts", ValueKind.TEXT_SET, place="HostConfig.DnsOptions", refreshed=[]),
    Property("dnsSearches", ValueKind.TEXT_SET, place="HostConfig.DnsSearch", refreshed=[]),
    Property(
        "hosts", ValueKind.OBJECT_SET, place="HostConfig.ExtraHosts", codec=codecs.HOSTS, fields=parts.HOST_FIELDS, created=[], refreshed=[]
    ),
)

_LIFE = (
    Property(
        "restart",
        ValueKind.TEXT,
        Change.UPDATE,
        default="no",
        place="HostConfig.RestartPolicy.Name",
        codec=codecs.RESTART,
        refuse=checks.one_of("no", "on-failure", "always", "unless-stopped"),
    ),
    Property(
        "maxRetryCount",
        ValueKind.NUMBER,
        Change.UPDATE,
        place="HostConfig.RestartPolicy.MaximumRetryCount",
        created=0,
        refreshed=0,
        refuse=checks.at_least(0),
    ),
    Property("healthcheck", ValueKind.OBJECT, Change.STUCK, computed=True, fields=parts.HEALTHCHECK_FIELDS),
    Property("logDriver", ValueKind.TEXT, computed=True, place="HostConfig.LogConfig.Type"),
    Property("logOpts", ValueKind.TEXT_MAP, place="HostConfig.LogConfig.Config", refreshed={}),
    Property("rm", ValueKind.SWITCH, Change.STUCK, place="HostConfig.AutoRemove", created=False, refreshed=False),
    Property("start", ValueKind.SWITCH, Change.RECORD, default=True),
    Property("mustRun", ValueKind.SWITCH, Change.RECORD, default=True),
    Property("wait", ValueKind.SWITCH, Change.RECORD, created=False, refreshed=False),
    Property("waitTimeout", ValueKind.NUMBER, Change.RECORD, default=60, refuse=checks.at_least(1, "second")),
    Property("attach", ValueKind.SWITCH, Change.RECORD, created=False, refreshed=False),
    Property("logs", ValueKind.SWITCH, Change.RECORD, created=False, refreshed=False),
    Property("removeVolumes", ValueKind.SWITCH, Change.RECORD, default=True),
    Property("destroyGraceSeconds", ValueKind.NUMBER, Change.RECORD, refuse=checks.at_least(0, "seconds")),
    Property("containerReadRefreshTimeoutMilliseconds", ValueKind.NUMBER, Change.RECORD, default=15000, refuse=checks.at_least(1)),
)

CONTAINER = _PROCESS + _LIMITS + _SECURITY + _DEVICES + _STORAGE + _NETWORK + _LIFE
