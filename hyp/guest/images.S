/*
 * The guests' flat images, as data of the host.
 */

    .file   "images.S"

    .section .rodata, "a"

.macro image name, file
    .balign 16
    .global guest_\name\()_start, guest_\name\()_end
guest_\name\()_start:
    .incbin "\file"
guest_\name\()_end:
.endm

    image   worker, "guest-worker.bin"
    image   user, "guest-user.bin"
