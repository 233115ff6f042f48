"""Messages out of what another system has exported.

``item``         what a source gives: messages, and what it cannot give
``tree``         which kind of mail a file is
``mbox``         many messages in one file
``takeout``      Gmail's labels
``maildir``      one message a file, flags in its name
``eml``          one message a file
``directory``    files of a folder
``zip_file``     files of a zip archive
``tar_file``     files of a tar archive
``compression``  of archives, and of single messages
``opening``      which of these a path is
"""
