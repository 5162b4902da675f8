// A small application as many are written: Express with express-session and passport, a form, a
// script that logs in with JSON, uploads, and a WebSocket that asks the session who is there.
//
//   node server.js PORT FILE      FILE gets a line of JSON for each request that came
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const express = require('express');
const session = require('express-session');
const passport = require('passport');
const { Strategy } = require('passport-local');
const { WebSocketServer } = require('ws');

const [port, given] = process.argv.slice(2);
const passwords = { alice: 'correct horse battery', bob: 'another' };
const title = user => `<!DOCTYPE html><title>${user ? `Hello ${user}` : 'Log in'}</title>`;

passport.use(new Strategy((username, password, done) =>
    done(null, passwords[username] === password ? { username } : false)));
passport.serializeUser((user, done) => done(null, user.username));
passport.deserializeUser((username, done) => done(null, { username }));

const sessions = session({ secret: 'only for this test', resave: false, saveUninitialized: false });
const app = express().set('trust proxy', 'loopback');
app.use((request, response, next) => {
    const server = { HTTP_COOKIE: request.headers.cookie, REQUEST_URI: request.url };
    for (const name in request.headers)
        server['HTTP_' + name.toUpperCase().replaceAll('-', '_')] = request.headers[name];
    fs.appendFileSync(given, JSON.stringify({ server, cookies: {} }) + '\n');
    next();
});
app.use(sessions, passport.session(), express.urlencoded(), express.json());

app.get('/express/', (request, response) => {
    const user = request.user?.username;
    response.send(title(user) + (user
        ? '<form action=/express/logout method=post><button>Log out</button></form>'
        : '<form id=login action=/express/login method=post><input name=username>' +
          '<input name=password type=password><button>Log in</button></form>'));
});
app.post('/express/login', passport.authenticate('local', { failureRedirect: '/express/' }),
    (request, response) => response.redirect('/express/'));
app.post('/express/api/login', passport.authenticate('local'),
    (request, response) => response.json({ user: request.user.username }));
app.post('/express/logout', (request, response, next) =>
    request.logout(error => error ? next(error) : response.redirect('/express/')));
app.post('/express/upload', (request, response) => {
    let length = 0;
    request.on('data', chunk => length += chunk.length);
    request.on('end', () => response.json({ user: request.user?.username, length }));
});

const server = http.createServer(app);
const sockets = new WebSocketServer({ noServer: true });
server.on('upgrade', (request, socket, head) => sessions(request, {}, () =>
    sockets.handleUpgrade(request, socket, head, client => {
        const user = request.session.passport?.user;
        client.on('message', text => client.send(`${user}: ${text}`));
    })));
server.listen(port, '127.0.0.1');
