"""The scenarios of every client, in the order in which they are played."""

import ansible
import avocado
import cloudstack
import kubevirt
import libvirt
import ovirt
import proxmox
import qemu_python
import terraform
import vmtest

SUBJECTS = [module.subject for module in (libvirt, proxmox, terraform, ansible, kubevirt, ovirt, cloudstack, qemu_python, avocado,
                                          vmtest)]
