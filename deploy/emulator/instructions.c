/*
 * A TCG plugin for qemu-aarch64: how many instructions the emulated program has executed whenever it calls
 * getpriority(2), one number a line, appended to a file.
 *
 *   gcc -shared -fPIC -O2 -DPLUGIN_API=1 -o instructions.so instructions.c
 *   qemu-aarch64 -plugin ./instructions.so,out=counts.txt PROGRAM
 *
 * `benchmark.py --inferences N` makes that system call before and after each inference, and nothing else of it does,
 * so that the difference of two lines is one inference. A system call ends a translated block: the count is exact.
 *
 * PLUGIN_API is 1 for QEMU up to 8, 2 from 9 on, which refuses plugins of version 1. What is used here is in both.
 * Debian packages no header for plugins; these declarations are those of QEMU's documentation, "QEMU TCG Plugins".
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_info_t;
struct qemu_plugin_tb;
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };

typedef void (*translated_cb)(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void (*executed_cb)(unsigned int vcpu, void *userdata);
typedef void (*syscall_cb)(qemu_plugin_id_t, unsigned int vcpu, int64_t number, uint64_t, uint64_t, uint64_t, uint64_t,
                           uint64_t, uint64_t, uint64_t, uint64_t);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, translated_cb);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, executed_cb, enum qemu_plugin_cb_flags, void *);
void qemu_plugin_register_vcpu_syscall_cb(qemu_plugin_id_t, syscall_cb);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);

EXPORT int qemu_plugin_version = PLUGIN_API;

/* Of 64-bit Arm Linux (include/uapi/asm-generic/unistd.h). */
enum { GETPRIORITY = 141 };

static uint64_t executed;
static int out = -1;

/* A block's instructions are counted when it is entered; every thread of the program comes through here. */
static void on_executed(unsigned int vcpu, void *instructions)
{
    (void)vcpu;
    __atomic_fetch_add(&executed, (uint64_t)(uintptr_t)instructions, __ATOMIC_RELAXED);
}

static void on_translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    void *instructions = (void *)(uintptr_t)qemu_plugin_tb_n_insns(block);
    qemu_plugin_register_vcpu_tb_exec_cb(block, on_executed, QEMU_PLUGIN_CB_NO_REGS, instructions);
}

static void on_syscall(qemu_plugin_id_t id, unsigned int vcpu, int64_t number, uint64_t a, uint64_t b, uint64_t c,
                       uint64_t d, uint64_t e, uint64_t f, uint64_t g, uint64_t h)
{
    (void)id, (void)vcpu, (void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h;
    if (number == GETPRIORITY)
        dprintf(out, "%" PRIu64 "\n", __atomic_load_n(&executed, __ATOMIC_RELAXED));
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info, int argc, char **argv)
{
    (void)info;
    if (argc != 1 || strncmp(argv[0], "out=", 4) != 0) {
        fprintf(stderr, "expected one argument, out=FILE\n");
        return -1;
    }
    out = open(argv[0] + 4, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (out < 0) {
        perror(argv[0] + 4);
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translated);
    qemu_plugin_register_vcpu_syscall_cb(id, on_syscall);
    return 0;
}
