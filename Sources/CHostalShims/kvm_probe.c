#define _GNU_SOURCE
#include "CHostalShims.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    int outcome;
    int number;
} verdict;

#ifdef __x86_64__
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

enum { memory_size = 2 << 20, page_map = 0x1000, page_directories = 0x2000, page_directory = 0x3000, code_at = 0x8000 };
enum { answer_port = 0x10, answer = 0x2a };
enum { cpuid_entries = 256 };

/* Counts down from a million, reloads the page table as a kernel does all the time, and answers on a port. */
static const uint8_t guest_code[] = {
    0xb9, 0x40, 0x42, 0x0f, 0x00, /* mov ecx, 1000000 */
    0xff, 0xc9, 0x75, 0xfc,       /* dec ecx; jnz */
    0x0f, 0x20, 0xd8,             /* mov rax, cr3 */
    0x0f, 0x22, 0xd8,             /* mov cr3, rax */
    0xb0, answer, 0xe6, answer_port, 0xf4,
};

static verdict because(int outcome) { return (verdict){outcome, errno}; }

static int set_registers(int vcpu) {
    struct kvm_sregs special;
    if (ioctl(vcpu, KVM_GET_SREGS, &special) < 0) return -1;
    special.cr3 = page_map;
    special.cr4 |= 1 << 5;    /* PAE */
    special.cr0 = 0x80050033; /* PG AM WP NE ET MP PE */
    special.efer = 0x500;     /* LMA LME */
    struct kvm_segment segment = {
        .limit = 0xffffffff, .selector = 8, .present = 1, .type = 11, .s = 1, .l = 1, .g = 1};
    special.cs = segment;
    segment.type = 3;
    segment.selector = 16;
    segment.l = 0;
    segment.db = 1;
    special.ds = special.es = special.fs = special.gs = special.ss = segment;
    struct kvm_regs general = {.rip = code_at, .rflags = 2, .rsp = 0x7000};
    return ioctl(vcpu, KVM_SET_SREGS, &special) < 0 ? -1 : ioctl(vcpu, KVM_SET_REGS, &general);
}

static int set_cpuid(int kvm, int vcpu) {
    /* A header of 8 bytes, then entries. */
    static uint64_t space[1 + cpuid_entries * sizeof(struct kvm_cpuid_entry2) / sizeof(uint64_t)];
    struct kvm_cpuid2 *cpuid = (struct kvm_cpuid2 *)space;
    cpuid->nent = cpuid_entries;
    return ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid) < 0 ? -1 : ioctl(vcpu, KVM_SET_CPUID2, cpuid);
}

static verdict run_guest(void) {
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0) return because(SHIMS_KVM_NO_DEVICE);
    int machine = ioctl(kvm, KVM_CREATE_VM, 0);
    if (machine < 0) return because(SHIMS_KVM_NO_SETUP);
    uint8_t *memory = mmap(NULL, memory_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return because(SHIMS_KVM_NO_SETUP);
    *(uint64_t *)(memory + page_map) = page_directories | 3;
    *(uint64_t *)(memory + page_directories) = page_directory | 3;
    *(uint64_t *)(memory + page_directory) = 0x83; /* the first 2 MiB, one page */
    memcpy(memory + code_at, guest_code, sizeof guest_code);
    struct kvm_userspace_memory_region region = {.memory_size = memory_size, .userspace_addr = (uint64_t)memory};
    if (ioctl(machine, KVM_SET_USER_MEMORY_REGION, &region) < 0) return because(SHIMS_KVM_NO_SETUP);
    int vcpu = ioctl(machine, KVM_CREATE_VCPU, 0);
    if (vcpu < 0) return because(SHIMS_KVM_NO_SETUP);
    int state_size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (state_size < 0) return because(SHIMS_KVM_NO_SETUP);
    struct kvm_run *state = mmap(NULL, state_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (state == MAP_FAILED || set_cpuid(kvm, vcpu) < 0 || set_registers(vcpu) < 0) return because(SHIMS_KVM_NO_SETUP);
    while (ioctl(vcpu, KVM_RUN, 0) < 0)
        if (errno != EINTR) return because(SHIMS_KVM_GUEST_FAILED);
    if (state->exit_reason == KVM_EXIT_IO && state->io.port == answer_port &&
        *((uint8_t *)state + state->io.data_offset) == answer)
        return (verdict){SHIMS_KVM_WORKS, 0};
    return (verdict){SHIMS_KVM_GUEST_FAILED, (int)state->exit_reason};
}
#else
static verdict run_guest(void) { return (verdict){SHIMS_KVM_NO_DEVICE, ENOSYS}; }
#endif

/* The child makes system calls only: the process that it is forked from has threads, and locks that they may hold. */
shims_kvm_outcome shims_probe_kvm(int limit, int *number) {
    enum { reap_tries = 20, reap_pause = 10 /* ms */ };
    int ends[2];
    verdict found = {SHIMS_KVM_NOT_PROBED, 0};
    pid_t child = -1;
    if (pipe2(ends, O_CLOEXEC) == 0) {
        child = fork();
        if (child == 0) {
            verdict own = run_guest();
            _exit(write(ends[1], &own, sizeof own) == sizeof own ? 0 : 1);
        }
        found.number = errno;
        close(ends[1]);
        if (child > 0) {
            struct pollfd answered = {.fd = ends[0], .events = POLLIN};
            int ready = poll(&answered, 1, limit);
            if (ready == 0) found = (verdict){SHIMS_KVM_GUEST_HUNG, 0};
            else if (ready < 0 || read(ends[0], &found, sizeof found) != sizeof found) found = because(SHIMS_KVM_NOT_PROBED);
            kill(child, SIGKILL);
            for (int i = 0; i < reap_tries && waitpid(child, NULL, WNOHANG) == 0; i++) poll(NULL, 0, reap_pause);
        }
        close(ends[0]);
    } else {
        found.number = errno;
    }
    *number = found.number;
    return (shims_kvm_outcome)found.outcome;
}
