"""Many Python threads at once, OpenMP and the pool, processes that fork, settings."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import textwrap
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import rnnext
from rnnext import _core, config, layers
from rnnext.errors import UnsupportedError

Array = NDArray[Any]


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A new process that must end within a minute; a hang is a failure."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
        check=False,
    )


def answer_of(code: str, **environment: str) -> str:
    """What a new process printed, which must succeed."""
    done = run_python(code, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def available_threadings() -> tuple[str, ...]:
    before = config.get_threading()
    try:
        config.set_threading("openmp")
    except UnsupportedError:
        return ("pool",)
    config.set_threading(before)
    return ("openmp", "pool")


THREADINGS = available_threadings()


@pytest.fixture(params=THREADINGS)
def threading_name(request: pytest.FixtureRequest) -> Iterator[str]:
    """Both ways of sharing out work, in this process; RNNEXT_THREADING sets it in a new one."""
    before = config.get_threading()
    config.set_threading(request.param)
    yield request.param
    config.set_threading(before)


def make_model() -> Any:
    rnnext.set_random_seed(3)
    return rnnext.Sequential(
        [
            rnnext.Input((None, 8)),
            layers.GRU(32, return_sequences=True),
            layers.LSTM(24),
            layers.Dense(3),
        ]
    )


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """Runs work(0), ..., work(count - 1) in as many threads, started together."""
    together = threading.Barrier(count)

    def start(i: int) -> None:
        together.wait()
        work(i)

    with ThreadPoolExecutor(count) as pool:
        for future in [pool.submit(start, i) for i in range(count)]:
            future.result()


# ---- one model, many callers ---------------------------------------------------------------------


@pytest.mark.usefixtures("threading_name")
@pytest.mark.parametrize("batch", [1, 40])
@pytest.mark.parametrize("threads", [1, 2])
def test_one_model_in_many_threads(
    set_num_threads: Callable[[int], None], threads: int, batch: int
) -> None:
    """Small batches hold the GIL and large ones release it; each caller gets its own answer."""
    set_num_threads(threads)
    model = make_model()
    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal((batch, 5 + i, 8)).astype("float32") for i in range(8)]
    expected = [model.predict(x) for x in inputs]

    def call(i: int) -> None:
        for _ in range(25):
            np.testing.assert_array_equal(model.predict(inputs[i]), expected[i])
            np.testing.assert_array_equal(model(inputs[i]), expected[i])

    in_threads(8, call)


@pytest.mark.usefixtures("threading_name")
@pytest.mark.parametrize("steps", [10, 300], ids=["short", "long"])
def test_one_layer_in_many_threads(set_num_threads: Callable[[int], None], steps: int) -> None:
    """Of long calls, one at a time has OpenMP's threads."""
    set_num_threads(2)
    layer = layers.LSTM(48, return_sequences=True)
    rng = np.random.default_rng(1)
    inputs = [rng.standard_normal((20, steps, 16)).astype("float32") for _ in range(6)]
    expected = [layer(x) for x in inputs]

    def call(i: int) -> None:
        for _ in range(300 // steps):
            np.testing.assert_array_equal(layer(inputs[i]), expected[i])

    in_threads(6, call)


def test_kernels_packed_by_the_first_of_many_callers() -> None:
    x = np.ones((4, 3, 8), "float32")
    for _ in range(20):
        model = make_model()
        answers: list[Any] = [None] * 6

        def call(i: int, model: Any = model, answers: list[Any] = answers) -> None:
            answers[i] = model.predict(x)

        in_threads(6, call)
        for answer in answers[1:]:
            np.testing.assert_array_equal(answer, answers[0])


def test_set_weights_while_others_call() -> None:
    """Each answer is that of the old weights or of the new ones of a layer, never of a mixture."""
    layer = layers.LSTM(16)
    x = np.random.default_rng(2).standard_normal((8, 6, 8)).astype("float32")
    layer(x)
    old = layer.get_weights()
    new = [-2 * weight for weight in old]
    accepted = []
    for weights in (new, old):
        layer.set_weights(weights)
        accepted.append(layer(x).tobytes())
    assert accepted[0] != accepted[1]

    def work(i: int) -> None:
        for k in range(300):
            if i == 0:
                layer.set_weights(new if k % 2 else old)
            else:
                assert layer(x).tobytes() in accepted

    in_threads(4, work)


# ---- number of threads ---------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, -1, True, 2.0, "2", None, 1025, 10**9, 2**40])
def test_set_num_threads_refuses(n: Any) -> None:
    before = rnnext.get_num_threads()
    message = f"set_num_threads: expected an integer >= 1 and <= 1024, received {n!r}."
    with pytest.raises(UnsupportedError, match=f"^{re.escape(message)}$"):
        rnnext.set_num_threads(n)
    assert rnnext.get_num_threads() == before


@pytest.mark.parametrize("n", [0, -3, 1025, 10**9])
def test_core_refuses_too(n: int) -> None:
    message = f"set_num_threads: received {n}, accepted are integers >= 1 and <= 1024"
    with pytest.raises(ValueError, match=message):
        _core.set_num_threads(n)
    for wrong in ("2", None, 2**40, 1.5):
        with pytest.raises(TypeError):
            _core.set_num_threads(wrong)


@pytest.mark.usefixtures("set_num_threads")
def test_number_of_threads_is_kept() -> None:
    for n in (1, 3, 64, 1024, 2):
        rnnext.set_num_threads(n)
        assert rnnext.get_num_threads() == n


# 63 million multiply-adds for each of four threads: enough for OpenMP's loop.
LARGE_CALL = """
    import numpy as np
    from rnnext import _core, layers
    def call(threads):
        _core.set_num_threads(threads)
        layer = layers.LSTM(128, kernel_initializer="ones", recurrent_initializer="zeros")
        return layer(np.ones((256, 10, 64), "float32"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts the entries of /proc/self/task")
@pytest.mark.parametrize("name", THREADINGS)
def test_that_many_threads_are_started(name: str) -> None:
    code = (
        LARGE_CALL
        + """
    import os
    before = len(os.listdir("/proc/self/task"))
    for threads in (1, 4):
        call(threads)
        print(len(os.listdir("/proc/self/task")) - before)
    """
    )
    assert answer_of(code, RNNEXT_THREADING=name).split() == ["0", "3"]


@pytest.mark.parametrize("value", ["3", "3,2"])
def test_the_environment_says_how_many_threads(value: str) -> None:
    code = "from rnnext import _core; print(_core.get_num_threads())"
    assert answer_of(code, OMP_NUM_THREADS=value) == "3"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
@pytest.mark.parametrize("value", ["", "0", "-2", "many", "1025", "1000000000", "9" * 30, "3x"])
def test_one_thread_for_each_processor_of_the_process(value: str) -> None:
    code = """
    import os
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    from rnnext import _core
    print(_core.get_num_threads())
    """
    assert answer_of(code, OMP_NUM_THREADS=value) == "1"


# ---- who shares out work -------------------------------------------------------------------------


def test_the_answer_does_not_depend_on_it(set_num_threads: Callable[[int], None]) -> None:
    """Long loops: each thread's share is enough for a region of OpenMP."""
    set_num_threads(3)
    rng = np.random.default_rng(4)
    x = rng.standard_normal((192, 20, 64)).astype("float32")
    calls: list[Any] = [
        layers.LSTM(128, return_sequences=True),
        layers.Bidirectional(layers.GRU(128)),
        layers.Dense(2048, activation="tanh"),
    ]
    before = config.get_threading()
    answers = []
    for name in THREADINGS:
        config.set_threading(name)
        assert config.get_threading() == name
        answers.append([call(x).tobytes() for call in calls])
    config.set_threading(before)
    set_num_threads(1)
    answers.append([call(x).tobytes() for call in calls])
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.usefixtures("threading_name")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_thread_flushes_subnormals(
    set_num_threads: Callable[[int], None], dtype: str
) -> None:
    """h = h / 2 of many samples, each of which passes through the subnormal numbers."""
    set_num_threads(3)
    units, steps = 256, 80
    layer = layers.SimpleRNN(
        units,
        activation="linear",
        kernel_initializer="zeros",
        recurrent_initializer=lambda shape, dtype: np.eye(*shape, dtype=dtype) / 2,
        dtype=dtype,
    )
    start = np.full((60, units), np.finfo(dtype).tiny * 2.0**40, dtype)
    x = np.zeros((60, steps, 1), dtype)
    assert not layer(x, initial_state=start).any()


@pytest.mark.parametrize("name", ["", "OpenMP", "tbb", 3, None])
def test_set_threading_refuses(name: Any) -> None:
    before = config.get_threading()
    with pytest.raises(UnsupportedError, match=r"set_threading: .*(this build has: |a name)"):
        config.set_threading(name)
    assert config.get_threading() == before


def test_unknown_rnnext_threading_fails_at_import() -> None:
    done = run_python("import rnnext", RNNEXT_THREADING="tbb")
    assert done.returncode != 0
    error = done.stderr.strip().splitlines()[-1]
    assert 'RNNEXT_THREADING in the environment: "tbb" is unknown here; this build has: ' in error


@pytest.mark.parametrize("name", ["", *THREADINGS])
def test_rnnext_threading_is_used(name: str) -> None:
    code = "from rnnext import config; print(config.get_threading())"
    assert answer_of(code, RNNEXT_THREADING=name) == (name or THREADINGS[0])


@pytest.mark.parametrize("user", [{}, {"OMP_WAIT_POLICY": "active"}, {"GOMP_SPINCOUNT": "7"}])
def test_importing_leaves_the_environment_as_it_was(user: dict[str, str]) -> None:
    code = """
    import ctypes, os
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_char_p
    before = dict(os.environ)
    import rnnext
    assert dict(os.environ) == before
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        assert (libc.getenv(name.encode()) or b"").decode() == before.get(name, "")
    print("same")
    """
    assert answer_of(code, **user) == "same"


# ---- threadpoolctl -------------------------------------------------------------------------------

LIMITS = """
    import threadpoolctl
    from threadpoolctl import threadpool_info, threadpool_limits
    import numpy as np
    import rnnext
    from rnnext import _core, layers
    rnnext.set_num_threads(2)
"""


@pytest.mark.parametrize("name", THREADINGS)
@pytest.mark.parametrize("first", ["threadpoolctl", "rnnext"])
def test_threadpoolctl_limits_rnnext(first: str, name: str) -> None:
    code = f"import {first}" + textwrap.dedent(
        LIMITS
        + """
    rnnext.config.register_threadpoolctl()
    rnnext.config.register_threadpoolctl()
    def threads_started():
        import os
        if not os.path.exists("/proc/self/task"):
            return 0
        before = len(os.listdir("/proc/self/task"))
        layers.LSTM(128)(np.ones((256, 10, 64), "float32"))
        return len(os.listdir("/proc/self/task")) - before
    (own,) = [lib for lib in threadpool_info() if lib["internal_api"] == "rnnext"]
    assert own["num_threads"] == 2, own
    assert own["version"] == rnnext.__version__, own
    assert own["threading_layer"] == _core.threading(), own
    with threadpool_limits(1):
        assert rnnext.get_num_threads() == 1
        assert threads_started() == 0
        with threadpool_limits(limits={"rnnext": 3}):
            assert _core.get_num_threads() <= 3
    assert rnnext.get_num_threads() == 2
    with threadpool_limits(1, user_api="rnnext"):
        assert rnnext.get_num_threads() == 1
    with threadpool_limits(10**6, user_api="rnnext"):
        assert rnnext.get_num_threads() == 1024
    print(rnnext.get_num_threads())
    """
    )
    assert answer_of(code, RNNEXT_THREADING=name) == "2"


def test_threadpoolctl_imported_first_knows_rnnext() -> None:
    code = (
        LIMITS
        + """
    print([lib["internal_api"] for lib in threadpool_info()].count("rnnext"))
    """
    )
    assert answer_of(code) == "1"


@pytest.mark.skipif("openmp" not in THREADINGS, reason="a build without OpenMP")
@pytest.mark.parametrize("name", THREADINGS)
def test_limits_of_openmp_count(name: str) -> None:
    """Without a controller of rnnext's: what OpenMP was told limits the pool, too."""
    code = """
    import rnnext
    from threadpoolctl import threadpool_info, threadpool_limits
    rnnext.set_num_threads(8)
    assert [lib for lib in threadpool_info() if lib["user_api"] == "openmp"]
    assert rnnext.get_num_threads() == 8
    with threadpool_limits(1, user_api="openmp"):
        assert rnnext.get_num_threads() == 1
        rnnext.set_num_threads(5)
        assert rnnext.get_num_threads() == 1
    print(rnnext.get_num_threads())
    """
    assert answer_of(code, RNNEXT_THREADING=name, OMP_NUM_THREADS="4") == "5"
    assert (
        answer_of(
            "import rnnext; rnnext.set_num_threads(8); print(rnnext.get_num_threads())",
            RNNEXT_THREADING=name,
            OMP_THREAD_LIMIT="3",
        )
        == "3"
    )


# ---- fork ----------------------------------------------------------------------------------------

FORK = """
    import os, warnings
    def fork():
        with warnings.catch_warnings():
            # Python 3.12 and later warn of what is done here on purpose.
            warnings.filterwarnings(
                "ignore", "This process .* is multi-threaded", DeprecationWarning)
            return os.fork()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize("name", THREADINGS)
@pytest.mark.parametrize("used", [True, False], ids=["threads used", "threads not used"])
def test_a_forked_child_works(used: bool, name: str) -> None:
    """No threads survive a fork, and the data of the pool and of OpenMP says they do."""
    code = (
        LARGE_CALL
        + FORK
        + f"""
    assert _core.threading() == "{name}"
    expected = call(4 if {used} else 1)
    child = fork()
    if child == 0:
        same = np.array_equal(call(4), expected) and np.array_equal(call(1), expected)
        _core.set_threading("{name}")
        grandchild = fork()
        if grandchild == 0:
            os._exit(0 if np.array_equal(call(4), expected) else 1)
        same = same and os.waitpid(grandchild, 0)[1] == 0
        os._exit(0 if same and _core.threading() == "pool" else 1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    assert np.array_equal(call(4), expected)
    assert _core.threading() == "{name}"
    """
    )
    assert answer_of(code, RNNEXT_THREADING=name) == "0"


@pytest.mark.skipif(sys.platform != "linux", reason="counts the entries of /proc/self/task")
@pytest.mark.parametrize("name", THREADINGS)
def test_a_forked_child_has_threads_of_its_own(name: str) -> None:
    code = (
        LARGE_CALL
        + FORK
        + """
    call(4)
    child = fork()
    if child == 0:
        before = len(os.listdir("/proc/self/task"))
        call(3)
        os._exit(10 * before + len(os.listdir("/proc/self/task")))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    )
    assert answer_of(code, RNNEXT_THREADING=name) == "13"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize("name", THREADINGS)
def test_fork_while_threads_work(name: str) -> None:
    """Whatever another thread holds at that moment, the child has not got."""
    code = (
        LARGE_CALL
        + FORK
        + """
    import threading
    expected = call(3)
    stop = threading.Event()
    def work():
        while not stop.is_set():
            call(3)
    thread = threading.Thread(target=work)
    thread.start()
    results = []
    for _ in range(20):
        child = fork()
        if child == 0:
            os._exit(0 if np.array_equal(call(3), expected) else 1)
        results.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    stop.set()
    thread.join()
    print(sum(results))
    """
    )
    assert answer_of(code, RNNEXT_THREADING=name) == "0"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize(
    "lock",
    ["rnnext.layers.variable.weights_lock", "rnnext.naming._lock", "rnnext.settings._seed_lock"],
)
def test_fork_while_another_thread_holds_a_lock(lock: str) -> None:
    """The child must not wait for a thread that it has not got."""
    module, _, name = lock.rpartition(".")
    code = (
        FORK
        + f"""
    import threading, time
    import numpy as np
    from rnnext import layers
    from {module} import {name} as lock
    held = threading.Event()
    def hold():
        with lock:
            held.set()
            time.sleep(0.3)
    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = fork()
    if child == 0:
        layers.LSTM(3)(np.ones((1, 2, 2), "float32"))
        os._exit(0)
    thread.join()
    layers.LSTM(3)(np.ones((1, 2, 2), "float32"))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    )
    assert answer_of(code) == "0"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/task")
@pytest.mark.parametrize("name", THREADINGS)
def test_workers_leave_signals_to_the_program(name: str) -> None:
    """A signal that a worker takes would not end what the main thread waits for."""
    code = (
        LARGE_CALL
        + """
    import os, signal
    call(4)
    blocked = []
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/status") as status:
            (mask,) = [line.split()[1] for line in status if line.startswith("SigBlk")]
        if int(task) != os.getpid():
            blocked.append(bool(int(mask, 16) >> (signal.SIGINT - 1) & 1))
    print(blocked.count(True), signal.pthread_sigmask(signal.SIG_BLOCK, ()))
    """
    )
    assert answer_of(code, RNNEXT_THREADING=name) == "3 set()"


# ---- floating-point mode -------------------------------------------------------------------------


@pytest.mark.usefixtures("isa", "threading_name")
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_callers_floating_point_mode_is_unchanged(
    set_num_threads: Callable[[int], None], threads: int, dtype: str
) -> None:
    set_num_threads(threads)
    tiny = np.full(64, np.finfo(dtype).tiny, dtype)
    halves = (tiny / 2).tobytes()  # subnormal
    assert np.any(np.frombuffer(halves, dtype))
    layer = layers.LSTM(64, return_sequences=True, dtype=dtype)
    dense = layers.Dense(64, activation="softmax", dtype=dtype)
    for batch in (1, 128, 1000):
        dense(layer(np.ones((batch, 8, 32), dtype)))
        layer(np.ones((batch, 8, 32), dtype), mask=np.zeros((batch, 8), bool))
        with pytest.raises(ValueError, match="features"):
            layer(np.ones((batch, 8, 31), dtype))
        assert (tiny / 2).tobytes() == halves


def test_the_mode_is_unchanged_when_a_caller_flushes(isa: str) -> None:
    """Subnormal numbers flushed inside a call are zeros outside it, and only there."""
    smallest = np.finfo("float32").smallest_subnormal
    kernel = _core.DenseKernel(np.eye(4, dtype="float32"), None, ("linear",), isa)
    x = np.array([[smallest, -smallest, np.finfo("float32").tiny, 1]], "float32")
    y = kernel.run(x, True)
    flushes = sysconfig.get_platform().rpartition("-")[2] in ("x86_64", "amd64", "aarch64", "arm64")
    kept = [0, 0] if flushes else [smallest, -smallest]
    np.testing.assert_array_equal(y[0], np.array([*kept, np.finfo("float32").tiny, 1], "float32"))
    assert np.any(x[0, :1] * np.float32(1))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_fading_state_becomes_zero(isa: str, dtype: str) -> None:
    """h = h / 2 passes through the subnormal numbers, where arithmetic may be slow, in no step."""
    half, one = np.full((1, 1), 0.5, dtype), np.ones((1, 1), dtype)
    kernel = _core.RecurrentKernel("simple_rnn", one, half, None, ("linear",), None, isa=isa)
    steps = 2000
    x = np.zeros((1, steps, 1), dtype)
    flags = _core.RETURN_SEQUENCES | _core.STRICT
    sequence = kernel.run(x, (one,), None, flags)[0, :, 0]
    normal = sequence[: int(-np.log2(np.finfo(dtype).tiny))]
    np.testing.assert_array_equal(normal, 0.5 ** np.arange(1, len(normal) + 1))
    assert sequence[-1] == 0
    if isa != "generic":
        assert not sequence[len(normal) :].any()


# ---- instruction set -----------------------------------------------------------------------------


def test_unknown_rnnext_isa_fails_at_import() -> None:
    done = run_python("import rnnext", RNNEXT_ISA="mmx")
    assert done.returncode != 0
    error = done.stderr.strip().splitlines()[-1]
    assert 'RNNEXT_ISA in the environment: instruction set "mmx" is unknown here' in error
    assert error.endswith("has: " + ", ".join(_core.available_isas()))


@pytest.mark.parametrize("isa", _core.available_isas())
def test_rnnext_isa_is_used(isa: str) -> None:
    code = """
    import numpy as np
    import rnnext
    from rnnext import _core, config, layers
    layer = layers.SimpleRNN(1, activation="linear")
    layer.build((1, 1, 2))
    a = 1 + 2**-12
    layer.set_weights([np.array([[-1], [a]]), np.zeros((1, 1)), np.zeros(1)])
    # -1 + a * a = 2^-11 + 2^-24, whose last term is lost when a * a is rounded first
    fused = layer(np.array([[[1, a]]], "float32")) != 2**-11
    print(rnnext.isa(), _core.DenseKernel(np.ones((1, 1)), None, ("tanh",)).isa, bool(fused))
    """
    fused = isa not in ("generic", "sse2")
    assert answer_of(code, RNNEXT_ISA=isa) == f"{isa} {isa} {fused}"


def test_an_empty_rnnext_isa_is_none() -> None:
    best = _core.available_isas()[-1]
    assert answer_of("import rnnext; print(rnnext.isa())", RNNEXT_ISA="") == best


def test_set_isa_refuses_what_is_not_there() -> None:
    before = _core.isa()
    for name in ("mmx", "", "AVX2"):
        with pytest.raises(ValueError, match=f'instruction set "{name}" is unknown here.*has: '):
            _core.set_isa(name)
    assert _core.isa() == before
    with pytest.raises(ValueError, match="mmx"):
        _core.DenseKernel(np.ones((1, 1)), None, ("tanh",), "mmx")


# ---- without the GIL -----------------------------------------------------------------------------


@pytest.mark.skipif(
    not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this Python always has the GIL"
)
def test_importing_leaves_the_gil_off() -> None:
    """A module that does not declare itself would switch it on, with a warning."""
    assert answer_of("import sys, rnnext; print(sys._is_gil_enabled())") == "False"
