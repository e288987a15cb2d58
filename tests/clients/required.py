"""Which commands each client calls. The run fails when one of them is missing from guest-info."""

FILES = {"guest-file-open", "guest-file-read", "guest-file-write", "guest-file-close"}
EXEC = {"guest-exec", "guest-exec-status"}
FREEZE = {"guest-fsfreeze-freeze", "guest-fsfreeze-status", "guest-fsfreeze-thaw"}
SUSPEND = {"guest-suspend-disk", "guest-suspend-hybrid", "guest-suspend-ram"}
KEYS = {"guest-ssh-add-authorized-keys", "guest-ssh-get-authorized-keys", "guest-ssh-remove-authorized-keys"}
# What tells who and where the guest is.
IDENTITY = {"guest-get-host-name", "guest-get-osinfo", "guest-get-timezone", "guest-get-users", "guest-network-get-interfaces"}

REQUIRED = {
    "libvirt": {"guest-sync", "guest-info", "guest-ping", "guest-shutdown", "guest-get-time", "guest-set-time",
                "guest-fsfreeze-freeze-list", "guest-fstrim", "guest-get-vcpus", "guest-set-vcpus", "guest-get-fsinfo",
                "guest-get-disks", "guest-get-load", "guest-set-user-password",
                # Nobody but a person at virsh qemu-agent-command.
                "guest-file-seek"} | FREEZE | SUSPEND | KEYS | IDENTITY | FILES,
    "proxmox": {"guest-sync-delimited", "guest-ping", "guest-info", "guest-get-time", "guest-fstrim", "guest-get-vcpus",
                "guest-get-fsinfo", "guest-get-memory-blocks", "guest-get-memory-block-info", "guest-shutdown",
                "guest-set-user-password"} | FREEZE | SUSPEND | IDENTITY | FILES | EXEC,
    "ansible": {"guest-sync", "guest-info"} | FILES | EXEC,
    "kubevirt": {"guest-sync", "guest-ping", "guest-get-time", "guest-info", "guest-shutdown", "guest-get-fsinfo",
                 "guest-set-user-password"} | FREEZE | KEYS | IDENTITY | FILES | EXEC,
    "qemu_python": {"guest-ping", "guest-sync", "guest-info", "guest-file-open", "guest-file-read", "guest-file-close",
                    "guest-network-get-interfaces", "guest-fstrim", "guest-shutdown"} | FREEZE | SUSPEND,
    "avocado": {"guest-sync", "guest-sync-delimited", "guest-ping", "guest-info", "guest-shutdown", "guest-get-time",
                "guest-set-time", "guest-get-vcpus", "guest-set-vcpus", "guest-get-memory-blocks", "guest-set-memory-blocks",
                "guest-get-memory-block-info", "guest-fsfreeze-freeze-list", "guest-fstrim", "guest-get-fsinfo",
                "guest-get-disks", "guest-get-diskstats", "guest-get-cpustats", "guest-get-load", "guest-network-get-route",
                "guest-set-user-password", "guest-file-seek",
                "guest-file-flush"} | FREEZE | SUSPEND | KEYS | IDENTITY | FILES | EXEC,
    "vmtest": {"guest-sync"} | EXEC,
    "ovirt": {"guest-sync", "guest-info", "guest-get-fsinfo", "guest-get-disks"} | IDENTITY,
    "cloudstack": {"guest-sync"} | FREEZE,
    # Terraform and Packer speak to Proxmox, and Proxmox to the agent.
    "terraform": {"guest-sync-delimited", "guest-ping", "guest-network-get-interfaces"},
}

# These look at `enabled` too before they call a guest theirs.
ENABLED = ("ansible", "kubevirt", "ovirt")
# What KubeVirt must see before it says that a guest's agent is supported; with credentials or probes it wants more.
KUBEVIRT_BASIC = ("guest-ping", "guest-get-time", "guest-info", "guest-shutdown", "guest-network-get-interfaces",
                  "guest-get-fsinfo", "guest-get-host-name", "guest-get-users", "guest-get-timezone", "guest-get-osinfo")
