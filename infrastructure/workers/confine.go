package workers

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"github.com/landlock-lsm/go-landlock/landlock"
	landlocksys "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// Confine takes from this process, for good and without asking for privileges, what a reader
// of hostile files does not need: the file system but for the readable files and folders,
// the network, other programs and processes, core dumps. Descriptors that are open stay open. The error tells what this
// kernel or container does not let it give up; the rest is given up all the same.
func Confine(readable ...string) error {
	return errors.Join(confineResources(), confineFiles(readable), confineCalls())
}

// scoping is the Landlock version from which on signals and abstract sockets stay inside.
// Older ones confine files alike; confineCalls covers the rest there too.
var scoping = landlock.V6

func confineFiles(readable []string) error {
	if _, err := landlocksys.LandlockGetABIVersion(); err != nil {
		return fmt.Errorf("files are not confined: no Landlock in this kernel or container: %w", err)
	}
	const look = landlock.AccessFSSet(landlocksys.AccessFSReadFile | landlocksys.AccessFSReadDir)
	var rules []landlock.Rule
	for _, path := range readable {
		info, err := os.Stat(path)
		switch {
		case err != nil: // nothing there to be read
		case info.IsDir():
			rules = append(rules, landlock.PathAccess(look, path))
		default:
			rules = append(rules, landlock.PathAccess(landlocksys.AccessFSReadFile, path))
		}
	}
	rules = append(rules, landlock.RWFiles(os.DevNull).IgnoreIfMissing())
	if err := scoping.BestEffort().Restrict(rules...); err != nil {
		return fmt.Errorf("files are not confined: %w", err)
	}
	return nil
}

// refused are the system calls by which a process reaches others, programs, the network, or
// parts of the kernel that have nothing to do with reading. Those that this architecture
// does not have are passed over.
var refused = []string{
	"socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "sendto", "sendmsg", "sendmmsg",
	"io_uring_setup", "io_uring_enter", "io_uring_register",
	"execve", "execveat", "fork", "vfork",
	"kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal", "pidfd_open", "pidfd_getfd",
	"ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "prlimit64",
	"shmget", "shmat", "shmctl", "msgget", "msgsnd", "msgrcv", "semget", "semop", "mq_open",
	"truncate", "chmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchownat", "utime", "utimes", "utimensat", "futimesat",
	"setxattr", "lsetxattr", "removexattr", "lremovexattr", "open_by_handle_at", "name_to_handle_at",
	"mount", "umount2", "mount_setattr", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick", "pivot_root", "chroot",
	"unshare", "setns", "keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd", "fanotify_init",
	"init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff", "syslog", "acct",
	"settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname", "iopl", "ioperm", "quotactl",
}

// confineCalls also sets no_new_privs. Calls are named that may be made, for those of another
// architecture or of a later kernel to be refused.
func confineCalls() error {
	machine, err := arch.GetInfo("")
	if err != nil {
		return fmt.Errorf("system calls are not confined: %w", err)
	}
	var allowed []string
	for name := range machine.SyscallNames {
		if !slices.Contains(refused, name) {
			allowed = append(allowed, name)
		}
	}
	slices.Sort(allowed)
	// Go's runtime and C's abort signal threads of their own process.
	own := []seccomp.Condition{{Argument: 0, Operation: seccomp.Equal, Value: uint64(os.Getpid())}}
	filter := seccomp.Filter{
		NoNewPrivs: true,
		Flag:       seccomp.FilterFlagTSync,
		Policy: seccomp.Policy{
			DefaultAction: seccomp.ActionErrno,
			Syscalls: []seccomp.SyscallGroup{
				{Action: seccomp.ActionAllow, Names: allowed},
				{Action: seccomp.ActionAllow, NamesWithCondtions: []seccomp.NameWithConditions{{Name: "tgkill", Conditions: own}}},
			},
		},
	}
	runtime.LockOSThread() // no_new_privs goes to the calling thread, and with the filter to all
	defer runtime.UnlockOSThread()
	if err := seccomp.LoadFilter(filter); err != nil {
		return fmt.Errorf("system calls are not confined: %w", err)
	}
	return nil
}

// confineResources forbids core dumps, which would hold what the document says. The bounds
// of memory and time are the parent's, which sees them from outside.
func confineResources() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("core dumps are not forbidden: %w", err)
	}
	return nil
}
