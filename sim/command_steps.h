/*
 * `armillary replay --steps`: walking in a recording by commands, one a line.
 */
#pragma once
#include "sim/command.h"
#include "sim/session.h"

/*
 * Reads commands from standard input until quit or its end and prints to standard output. At a
 * terminal a command that is none is told and the next one read; otherwise it ends the walk with
 * exit status 2.
 */
enum status steps_walk(struct session *session, const struct names *names);
