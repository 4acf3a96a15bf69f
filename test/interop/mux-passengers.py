"""Clients of a master's control socket that pass what nobody should: one case by its name, its answers on stdout."""
import array, os, pty, select, socket, struct, sys

path, case = sys.argv[1:3]
SUCCESS, FAILURE, EXIT = 0x80000006, 0x80000003, 0x80000004
names = {SUCCESS: 'opened', FAILURE: 'refused', EXIT: 'exit', 0x80000008: 'no-terminal', 0x80000005: 'alive'}


def string(text):
    return struct.pack('>I', len(text)) + text


def frame(body):
    return string(body)


def request(command=b'echo out; echo err >&2; exit 5', tty=0, env=()):
    fields = struct.pack('>II', 0x10000002, 7) + string(b'')
    fields += struct.pack('>IIIII', tty, 0, 0, 0, 0xFFFFFFFF) + string(b'xterm') + string(command)
    return frame(fields + b''.join(string(each) for each in env))


def connect():
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.sendall(frame(struct.pack('>II', 1, 4)))
    read_frame(s)
    return s


def read_exactly(s, count):
    data = b''
    while len(data) < count:
        more = s.recv(count - len(data))
        if not more:
            return None
        data += more
    return data


def read_frame(s):
    head = read_exactly(s, 4)
    return None if head is None else read_exactly(s, struct.unpack('>I', head)[0])


def send(s, *fds):
    s.sendmsg([b'\0'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else [])


def answers(s):
    """What the master says until it closes the socket."""
    said = []
    while True:
        try:
            body = read_frame(s)
        except ConnectionResetError:
            body = None
        if body is None:
            break
        number = struct.unpack('>I', body[:4])[0]
        word = names.get(number, hex(number))
        if number == FAILURE:
            word += ' ' + body[12:].decode()
        if number == EXIT:
            word += ' ' + str(struct.unpack('>I', body[8:12])[0])
        said.append(word)
    print(', '.join(said) or 'closed')


null = os.open('/dev/null', os.O_RDWR)
out_read, out = os.pipe()


def session(stdin=null, stdout=None, stderr=None, **asked):
    s = connect()
    s.sendall(request(**asked))
    for fd in (stdin, out if stdout is None else stdout, out if stderr is None else stderr):
        send(s, fd)
    answers(s)


def wrong_way():
    session(stdin=out, stdout=out_read, stderr=os.open('/dev/null', os.O_RDONLY))
    if select.select([out_read], [], [], 0)[0]:
        print('it wrote where it could only read')


def full_pipe():
    read, write = os.pipe()
    os.set_blocking(write, False)
    try:
        while True:
            os.write(write, b'x' * 4096)
    except BlockingIOError:
        pass
    os.set_blocking(write, True)
    # Whoever reads it goes with this program.
    return write


def with_descriptors(*groups):
    s = connect()
    s.sendall(request())
    for group in groups:
        send(s, *group)
    answers(s)


def cut(data, fds=()):
    s = connect()
    s.sendall(data)
    for fd in fds:
        send(s, fd)
    s.shutdown(socket.SHUT_WR)
    answers(s)


def in_one_write():
    """Everything at once: greeting, a question, the request, and the first descriptor with its last byte's neighbour."""
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.sendall(frame(struct.pack('>II', 1, 4)) + frame(struct.pack('>II', 0x10000004, 1)) + request())
    for fd in (null, out, out):
        send(s, fd)
    read_frame(s)
    answers(s)


def early():
    """A descriptor that comes with the request itself is nobody's."""
    s = connect()
    data = request()
    s.sendmsg([data[:20]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [null] * 5))])
    s.sendall(data[20:])
    for fd in (null, out, out):
        send(s, fd)
    answers(s)


def killed(stdout, close=False):
    s = connect()
    s.sendall(request(command=b'while echo more; do :; done'))
    for fd in (null, stdout, null):
        send(s, fd)
    if close:
        os.close(stdout)
    read_frame(s)
    s.close()
    print('gone')


def twice():
    s = connect()
    s.sendall(request(command=b'echo out; sleep 60'))
    for fd in (null, out, null):
        send(s, fd)
    read_frame(s)
    assert os.read(out_read, 10)
    s.sendall(request())
    for fd in (null, out, null):
        send(s, fd)
    body = read_frame(s)
    print(names[struct.unpack('>I', body[:4])[0]], body[12:].decode())


def own_end():
    s = connect()
    s.sendall(request(command=b'cat'))
    for fd in (s.fileno(), s.fileno(), s.fileno()):
        send(s, fd)
    select.select([s], [], [])
    s.close()
    print('gone')


def lingering(port):
    """Closing it waits for an hour, where nobody reads at its other end."""
    s = socket.create_connection(('127.0.0.1', int(port)))
    s.setblocking(False)
    try:
        while True:
            s.send(b'x' * 65536)
    except BlockingIOError:
        pass
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 3600))
    killed(s.detach(), close=True)


listening = socket.socket()
listening.bind(('127.0.0.1', 0))
listening.listen()
own = socket.socketpair()
polls = [select.epoll() for _ in range(3)]

cases = {
    'plain': lambda: session(),
    'none': lambda: with_descriptors((), (), ()),
    'three in one': lambda: with_descriptors((null, out, out)),
    'many': lambda: with_descriptors([null] * 250),
    'second has two': lambda: with_descriptors((null,), (out, out), (out,)),
    'two of three': lambda: cut(request(), (null, out)),
    'none and gone': lambda: cut(request()),
    'half a request': lambda: cut(request()[:30]),
    'half a head': lambda: cut(request()[:2]),
    'garbage': lambda: cut(os.urandom(3000)),
    'garbage with descriptors': lambda: cut(frame(struct.pack('>II', 0x10000002, 7) + os.urandom(3)), (null, out, out)),
    'too long': lambda: cut(struct.pack('>I', 0x7FFFFFFF)),
    'large environment': lambda: cut(request(env=[b'A=' + b'x' * 60000] * 3), (null, out, out)),
    'silent': lambda: with_descriptors(),
    'in one write': in_one_write,
    'early': early,
    'twice': twice,
    'folder': lambda: session(stdin=os.open('/', os.O_RDONLY), stdout=os.open('/', os.O_RDONLY)),
    'wrong way': wrong_way,
    'only a name': lambda: session(stdin=os.open('/etc/passwd', os.O_PATH), stdout=os.open('/dev/null', os.O_PATH)),
    'things of the kernel': lambda: session(polls[0].fileno(), polls[1].fileno(), polls[2].fileno()),
    'datagrams': lambda: session(*[socket.socket(type=socket.SOCK_DGRAM).detach() for _ in range(3)]),
    'unix datagrams': lambda: session(*[socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).detach() for _ in range(3)]),
    'listening': lambda: session(listening.fileno(), listening.fileno(), listening.fileno()),
    'not connected': lambda: session(*[socket.socket().detach() for _ in range(3)]),
    'a pty master': lambda: session(*[pty.openpty()[0]] * 3, tty=1),
    'a terminal that hung up': lambda: session(*[hung_up()] * 3, tty=1),
    'a silent pipe': lambda: session(stdin=os.pipe()[0]),
    'a full device': lambda: session(stdout=os.open('/dev/full', os.O_WRONLY)),
    'a full pipe': lambda: killed(full_pipe()),
    'its own end': own_end,
    'a socket': lambda: session(own[0].fileno(), own[0].fileno(), own[0].fileno()),
    'killed': lambda: killed(out),
    'lingering': lambda: lingering(sys.argv[3]),
}


def hung_up():
    master, slave = pty.openpty()
    os.close(master)
    return slave


cases[case]()
