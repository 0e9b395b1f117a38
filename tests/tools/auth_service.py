"""A service that says who may come in, for stories: prints its address, and a line for each question.

The cookie says what becomes of it: yes=NAME, yes=NAME&remember, cookie=NAME (sets cookies, too), no,
login, big=BYTES, slow=SECONDS, cut (the connection)."""
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def answer(self, status, headers=(), body=b''):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header('content-length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        word, _, value = (self.headers.get('cookie') or 'no').partition('=')
        shown = ' '.join(f'{k.lower()}={v}' for k, v in sorted(self.headers.items()))
        print('asked', self.path, shown, flush=True)
        if word == 'slow':
            time.sleep(float(value))
            self.answer(200)
        elif word == 'cut':
            self.close_connection = True
        elif word == 'yes':
            self.answer(200, [('x-user', value), ('x-other', 'not for you')], b'welcome')
        elif word == 'cookie':
            self.answer(200, [('x-user', value), ('set-cookie', 'a=1'), ('set-cookie', 'b=2')])
        elif word == 'login':
            self.answer(302, [('location', 'https://login.example.com/'), ('set-cookie', 'c=3'), ('set-cookie', 'd=4')])
        elif word == 'big':
            self.answer(403, [], b'x' * int(value))
        else:
            self.answer(401, [('www-authenticate', 'Custom realm="x"'), ('content-type', 'text/plain')], b'who are you?\n')


server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
print('listening 127.0.0.1:%d' % server.server_address[1], flush=True)
sys.stdout.flush()
server.serve_forever()
