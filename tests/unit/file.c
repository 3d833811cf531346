/* Files: what is read has a bound; what is written keeps links, permissions and other files. */
#include "sim/base/file.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES 96

static char folder[] = "/tmp/armillary-files-XXXXXX";

static void setup(void)
{
    cr_assert_not_null(mkdtemp(folder));
}

static const char *in_folder(char out[NAME_BYTES], const char *name)
{
    snprintf(out, NAME_BYTES, "%s/%s", folder, name);
    return out;
}

static void teardown(void)
{
    char command[NAME_BYTES];
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_assert_eq(system(command), 0);
}

static unsigned files_in_folder(void)
{
    char command[NAME_BYTES];
    unsigned count = 0;
    snprintf(command, sizeof command, "ls -A %s | wc -l", folder);
    FILE *p = popen(command, "r");
    cr_assert(p && fscanf(p, "%u", &count) == 1);
    pclose(p);
    return count;
}

static void make(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
    cr_assert_eq(chmod(path, mode), 0);
}

static void content_is(const char *path, const char *text)
{
    struct error error;
    uint8_t *bytes;
    size_t size;
    cr_assert(file_read(path, &bytes, &size, &error), "%s", error.text);
    cr_expect(size == strlen(text) && memcmp(bytes, text, size) == 0, "%s: %.*s", path, (int)size,
              (const char *)bytes);
    free(bytes);
}

static mode_t mode_of(const char *path)
{
    struct stat status;
    cr_assert_eq(stat(path, &status), 0);
    return status.st_mode & 07777;
}

static bool write_text(const char *path, const char *text, struct error *error)
{
    struct file_out out;
    if (!file_out_find(&out, path, error) || !file_out_begin(&out, error))
        return false;
    return file_out_end(&out, fputs(text, out.stream) >= 0, error);
}

static void refused_with(const char *path, const char *says)
{
    struct error error;
    struct file_out out;
    cr_expect_not(file_out_find(&out, path, &error), "%s", path);
    cr_expect_not_null(strstr(error.text, says), "%s: %s", path, error.text);
}

Test(file, what_is_read_has_a_bound, .init = setup, .fini = teardown)
{
    char path[NAME_BYTES];
    struct error error;
    uint8_t *bytes;
    size_t size;
    make(in_folder(path, "ten"), "0123456789", 0600);
    cr_assert(file_read_max(path, 10, &bytes, &size, &error), "%s", error.text);
    cr_expect_eq(size, 10);
    free(bytes);
    cr_expect_not(file_read_max(path, 9, &bytes, &size, &error));
    cr_expect_not_null(strstr(error.text, "ten: more than 9 bytes"), "%s", error.text);
    cr_assert_eq(truncate(path, (off_t)1 << 42), 0);
    cr_expect_not(file_read(path, &bytes, &size, &error));
    cr_expect_not_null(strstr(error.text, "ten: more than"), "%s", error.text);
    cr_expect_not(file_read(in_folder(path, ""), &bytes, &size, &error));
    cr_expect_not_null(strstr(error.text, "Is a directory"), "%s", error.text);
    cr_expect_not(file_read("/dev/zero", &bytes, &size, &error));
    cr_expect_str_eq(error.text, "/dev/zero: not a file");
}

/* Of a pipe nobody knows the size: each side of the bound, and of the sizes in which it is read. */
Test(file, a_pipe_is_read_to_its_end, .init = setup, .fini = teardown)
{
    char path[NAME_BYTES], command[3 * NAME_BYTES];
    const size_t bound = 200000;
    cr_assert_eq(mkfifo(in_folder(path, "pipe"), 0600), 0);
    const size_t lengths[] = {0, 1, 65535, 65536, 65537, bound - 1, bound, bound + 1};
    for (unsigned i = 0; i < ARRAY_COUNT(lengths); i++) {
        size_t length = lengths[i];
        struct error error;
        uint8_t *bytes;
        size_t size;
        snprintf(command, sizeof command, "(head -c %zu /dev/zero | cat > %s) &", length, path);
        cr_assert_eq(system(command), 0);
        bool good = file_read_max(path, bound, &bytes, &size, &error);
        cr_expect_eq(good, length <= bound, "%zu", length);
        if (!good)
            continue;
        cr_expect_eq(size, length);
        free(bytes);
    }
}

Test(file, a_link_stays_one_and_permissions_stay, .init = setup, .fini = teardown)
{
    char file[NAME_BYTES], link[NAME_BYTES], next[NAME_BYTES], other[NAME_BYTES];
    struct error error;
    struct stat status;
    make(in_folder(file, "file"), "old", 0640);
    cr_assert_eq(symlink("file", in_folder(link, "link")), 0);
    cr_assert_eq(symlink(link, in_folder(next, "next")), 0);
    cr_assert(write_text(next, "new", &error), "%s", error.text);
    cr_assert_eq(lstat(link, &status), 0);
    cr_expect(S_ISLNK(status.st_mode));
    content_is(file, "new");
    cr_expect_eq(mode_of(file), 0640);
    /* A link to nothing: what it leads to is made. */
    cr_assert_eq(unlink(file), 0);
    cr_assert(write_text(link, "made", &error), "%s", error.text);
    content_is(file, "made");
    /* Permissions of a new one are the user's. */
    umask(027);
    cr_assert(write_text(in_folder(other, "other"), "x", &error), "%s", error.text);
    cr_expect_eq(mode_of(other), 0640);
    cr_expect_eq(files_in_folder(), 4u);
}

Test(file, nobody_elses_file_is_taken_as_the_temporary_one, .init = setup, .fini = teardown)
{
    char path[NAME_BYTES], taken[NAME_BYTES];
    struct error error;
    struct file_out out;
    cr_assert(file_out_find(&out, in_folder(path, "file"), &error), "%s", error.text);
    cr_expect_eq(files_in_folder(), 0u, "asking leaves nothing");
    snprintf(taken, sizeof taken, "%.90s", out.temporary);
    make(taken, "precious", 0600);
    cr_assert(write_text(path, "new", &error), "%s", error.text);
    content_is(path, "new");
    content_is(taken, "precious");
    cr_expect_eq(files_in_folder(), 2u);
}

Test(file, what_cannot_be_replaced_is_refused, .init = setup, .fini = teardown)
{
    char path[NAME_BYTES], there[NAME_BYTES];
    struct error error;
    refused_with("", "the name is empty");
    refused_with(folder, "Is a directory");
    refused_with(in_folder(path, ""), "Is a directory");
    refused_with(in_folder(path, "no/such"), "No such file or directory");
    make(in_folder(there, "there"), "old", 0600);
    refused_with(in_folder(path, "there/x"), "Not a directory");
    cr_assert_eq(mkfifo(in_folder(path, "pipe"), 0600), 0);
    refused_with(path, "exists and is no file");
    refused_with("/dev/null", "exists and is no file");
    cr_assert_eq(symlink("b", in_folder(path, "a")), 0);
    cr_assert_eq(symlink("a", in_folder(path, "b")), 0);
    refused_with(path, "Too many levels of symbolic links");
    /* One that was begun and came to nothing. */
    struct file_out out;
    cr_assert(file_out_find(&out, there, &error));
    cr_assert_not_null(file_out_begin(&out, &error));
    fputs("half", out.stream);
    cr_expect_not(file_out_end(&out, false, &error));
    content_is(there, "old");
    cr_expect_eq(files_in_folder(), 4u);
}

Test(file, one_file_has_many_names, .init = setup, .fini = teardown)
{
    char a[NAME_BYTES], b[NAME_BYTES], c[NAME_BYTES], d[NAME_BYTES];
    struct error error;
    struct file_out x, y;
    make(in_folder(a, "a"), "", 0600);
    cr_assert_eq(link(a, in_folder(b, "b")), 0);
    cr_assert_eq(symlink("new", in_folder(c, "c")), 0);
    in_folder(d, "./new");
    cr_expect(file_is_same(a, b) && !file_is_same(a, c));
    cr_assert(file_out_find(&x, a, &error) && file_out_find(&y, b, &error));
    cr_expect(file_out_is_same(&x, &y));
    cr_assert(file_out_find(&x, c, &error) && file_out_find(&y, d, &error));
    cr_expect(file_out_is_same(&x, &y), "%s, %s", x.path, y.path);
    cr_assert(file_out_find(&y, a, &error));
    cr_expect_not(file_out_is_same(&x, &y));
}
