"""Types at a program in a terminal and times the echo of each key.

usage: keystrokes.py COUNT INTERVAL_MS PORT PROGRAM [ARGUMENT...]

The program has to print READY first and to echo from then on. With a PORT other than 0, a stream is read from it meanwhile
(an HTTP server's endless answer). Prints the times in milliseconds as JSON.
"""
import json, os, pty, select, socket, sys, threading, time

count, interval, port = int(sys.argv[1]), float(sys.argv[2]) / 1000, int(sys.argv[3])
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[4], sys.argv[4:])


def wait_for(text, seconds):
    seen = b''
    end = time.monotonic() + seconds
    while text not in seen:
        ready, _, _ = select.select([fd], [], [], max(0, end - time.monotonic()))
        if not ready:
            raise SystemExit('no %r within %s s, but %r' % (text, seconds, seen[-500:]))
        seen += os.read(fd, 65536)


moved = 0


def load():
    global moved
    peer = socket.create_connection(('127.0.0.1', port))
    peer.sendall(b'GET /100000000000 HTTP/1.0\r\n\r\n')
    into = bytearray(1 << 20)
    while True:
        got = peer.recv_into(into)
        if got == 0:
            return
        moved += got


wait_for(b'READY', 30)
if port:
    threading.Thread(target=load, daemon=True).start()
    while moved < 20_000_000:
        time.sleep(0.05)
began = time.monotonic()
moved_before = moved
times = []
for n in range(count):
    key = b'abcdefghijklmnopqrstuvwxyz'[n % 26:n % 26 + 1]
    start = time.perf_counter()
    os.write(fd, key)
    wait_for(key, 30)
    times.append((time.perf_counter() - start) * 1000)
    time.sleep(interval)
rate = (moved - moved_before) / 1e6 / (time.monotonic() - began)
os.write(fd, b'\x03')
print(json.dumps({'times': times, 'rate': rate}))
sys.stdout.flush()
os.kill(pid, 15)
os.waitpid(pid, 0)
os._exit(0)
