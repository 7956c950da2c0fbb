'use strict';
// Starts the program of this platform in the place of Node.js: same arguments, same streams, same end.
const { spawn } = require('node:child_process');

module.exports = (name) => {
  const platform = `${process.platform}-${process.arch}`;
  const ending = process.platform === 'win32' ? '.exe' : '';
  let program;
  try {
    program = require.resolve(`@gatecheck/${platform}/bin/${name}${ending}`);
  } catch {
    console.error(`${name}: the package \`@gatecheck/${platform}\` is not installed.`);
    console.error('help: install without --no-optional; where there is no such package, build it: https://github.com/gatecheck/gatecheck');
    process.exit(2);
  }
  const child = spawn(program, process.argv.slice(2), { stdio: 'inherit' });
  // A terminal sends its interrupt to both; what is sent to this process alone is handed on.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`${name}: ${error.message}`);
    process.exit(2);
  });
  child.on('exit', (status, signal) => {
    if (!signal) process.exit(status);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
};
